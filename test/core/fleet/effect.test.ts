import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { KINDS } from "../../../src/core/content/kind.ts";
import { fleetEffect } from "../../../src/core/fleet/effect.ts";
import { type FleetAgent, type FleetSettings, orderOfAgent } from "../../../src/core/fleet/fleetAgent.ts";
import { nameOf } from "../../../src/core/fleet/sourceName.ts";
import { formatAddress, parseAddress } from "../../../src/core/order/address.ts";
import { parseSourceList } from "../../../src/core/order/sourceList.ts";
import { DEFAULT_POLICY } from "../../../src/core/settings/policy.ts";

const SERVER = "http://server.example:21111";

const octet = fc.integer({ min: 0, max: 3 });
const address = fc.tuple(octet, octet).map(([third, last]) => `10.0.${third}.${last}`);
const addressText = fc.oneof(
  address,
  fc.tuple(octet, octet).map(([one, two]) => `2001:db8::${one}:${two}`),
);
const range = fc.oneof(
  addressText,
  fc.integer({ min: 28, max: 32 }).chain((bits) => address.map((text) => `${text}/${bits}`)),
  fc.tuple(address, address).map(([one, other]) => {
    const [first, last] = [parseAddress(one), parseAddress(other)].toSorted((a, b) =>
      a.hex < b.hex ? -1 : 1,
    );
    return first === undefined || last === undefined ? one : `${formatAddress(first)}-${formatAddress(last)}`;
  }),
);
const url = fc.oneof(
  fc.constantFrom("http://ua-1.example:21112", "http://ua-2.example:21112", "http://mirror.example"),
  address.map((text) => `http://${text}:21112`),
);
const SUFFIXES = ["corp.example", "berlin.corp.example", "home.arpa"];
const entry = fc.record(
  {
    range,
    except: fc.array(range, { maxLength: 3 }),
    dnsSuffix: fc.constantFrom(...SUFFIXES),
    url,
    kinds: fc.subarray([...KINDS], { minLength: 1 }),
  },
  { requiredKeys: ["range", "url", "kinds"] },
);
const list = fc
  .record({
    mode: fc.constantFrom("customized", "customized", "standard"),
    entries: fc.array(entry, { maxLength: 12 }),
    serverFallback: fc.record({ enabled: fc.boolean(), kinds: fc.subarray([...KINDS]) }),
    updateAgentsOnlyFromServer: fc.boolean(),
  })
  .map(parseSourceList);

const agent: fc.Arbitrary<FleetAgent> = fc.record({
  id: fc.oneof(fc.uuid(), fc.constantFrom("a", "b", "c")),
  addresses: fc.array(addressText.map(parseAddress), { maxLength: 3 }),
  dnsSuffixes: fc.subarray([...SUFFIXES, "elsewhere.example"]),
  self: fc.record({
    names: fc.subarray(["ua-1.example", "pc-9.example"]),
    port: fc.constantFrom(21112, 8080),
  }),
  domain: fc.constantFrom("default", "closed"),
  role: fc.constantFrom("agent", "update-agent"),
});

const settings: fc.Arbitrary<FleetSettings> = fc.record({
  list,
  policyOf: fc.constant((domain: string) => ({ ...DEFAULT_POLICY, activeUpdate: domain === "closed" })),
  server: fc.constantFrom(SERVER, undefined),
  activeUpdate: fc.constantFrom("http://mirror.example", "http://vendor.example", undefined),
  kinds: fc.subarray([...KINDS], { minLength: 1 }),
  roles: fc.option(
    fc.subarray(["a", "b", "c"]).map((ids) => new Map(ids.map((id) => [id, "update-agent" as const]))),
    { nil: undefined },
  ),
  without: fc.option(fc.constant(new Set(["http://ua-1.example:21112"])), { nil: undefined }),
});

/** The first source of one agent, computed for it alone. */
function firstOf(one: FleetAgent, by: FleetSettings): string | null {
  const first = orderOfAgent(one, by).steps.find((step) => by.without?.has(step.url) !== true);
  return first === undefined ? null : nameOf(first);
}

describe("the effect of a change on a whole fleet", () => {
  test("is what adding up the orders of all its agents one by one comes to", () => {
    fc.assert(
      fc.property(fc.array(agent, { maxLength: 40 }), settings, settings, (agents, before, after) => {
        const effect = fleetEffect(agents, before, after);
        const moves = agents
          .map((each) => ({ from: firstOf(each, before), to: firstOf(each, after) }))
          .filter(({ from, to }) => from !== to);
        for (const { from, to, agents: count } of effect.moved) {
          expect(count).toBe(moves.filter((move) => move.from === from && move.to === to).length);
        }
        const sum = effect.moved.reduce((total, { agents: count }) => total + count, 0);
        expect(sum).toBe(moves.length);
        for (const kind of after.kinds) {
          const orders = agents.map((each) => orderOfAgent(each, after));
          const covered = orders.filter(({ steps }) =>
            steps.some((step) => step.kinds.includes(kind) && after.without?.has(step.url) !== true),
          );
          expect(effect.after.uncovered[kind] ?? 0).toBe(agents.length - covered.length);
          const counted = effect.after.sources.reduce((total, { kinds }) => total + (kinds[kind] ?? 0), 0);
          expect(counted).toBe(covered.length);
        }
        expect(effect.after.agents).toBe(agents.length);
      }),
      { numRuns: 300 },
    );
  });

  test("names the largest move first, and says who goes nowhere", () => {
    const one = (id: string, text: string): FleetAgent => ({
      id,
      addresses: [parseAddress(text)],
      dnsSuffixes: [],
      self: { names: [], port: 21112 },
      domain: "default",
      role: "agent",
    });
    const agents = ["10.1.0.1", "10.1.0.2", "10.2.0.1", "192.168.0.1"].map((text, at) =>
      one(String(at), text),
    );
    const by = (value: unknown): FleetSettings => ({
      list: parseSourceList(value),
      policyOf: () => DEFAULT_POLICY,
      server: SERVER,
      activeUpdate: undefined,
      kinds: ["components"],
    });
    const before = by({
      entries: [{ range: "10.1.0.0/16", name: "ua-berlin", url: "http://ua-berlin:21112" }],
    });
    const after = by({
      entries: [{ range: "10.2.0.0/16", name: "ua-lyon", url: "http://ua-lyon:21112" }],
      serverFallback: { enabled: false },
    });
    expect(fleetEffect(agents, before, after)).toEqual({
      before: {
        agents: 4,
        sources: [
          { name: "server", agents: 2, kinds: { components: 2 } },
          { name: "ua-berlin", agents: 2, kinds: { components: 2 } },
        ],
        uncovered: {},
        unmatched: 2,
      },
      after: {
        agents: 4,
        sources: [{ name: "ua-lyon", agents: 1, kinds: { components: 1 } }],
        uncovered: { components: 3 },
        unmatched: 3,
      },
      moved: [
        { from: "ua-berlin", to: null, agents: 2 },
        { from: "server", to: "ua-lyon", agents: 1 },
        { from: "server", to: null, agents: 1 },
      ],
    });
  });
});
