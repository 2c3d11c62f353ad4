import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { FleetAgent, FleetSettings } from "../../../../src/core/fleet/fleetAgent.ts";
import { networkUses } from "../../../../src/core/fleet/suggest/networkUses.ts";
import { withEntry, withoutEntries } from "../../../../src/core/fleet/suggest/suggestedEntry.ts";
import {
  type Candidate,
  type NetworkUse,
  suggestionsFor,
} from "../../../../src/core/fleet/suggest/suggestions.ts";
import { parseAddress } from "../../../../src/core/order/address.ts";
import { parseSourceList } from "../../../../src/core/order/sourceList.ts";
import { DEFAULT_POLICY } from "../../../../src/core/settings/policy.ts";

const DAY = 86_400_000;
const candidate = (name: string, more: Partial<Candidate> = {}): Candidate => ({
  ...{ id: name, name, url: `http://${name}:21112`, freeBytes: 9e9, uptime: 9 * DAY },
  ...more,
});
const network = (more: Partial<NetworkUse> = {}): NetworkUse => ({
  ...{ network: "10.1.2.0/24", far: 40, near: new Map(), candidates: [candidate("pc-1")] },
  ...{ farBytes: 4_000_000_000, farMs: 20_000_000 },
  ...more,
});
const suggested = (networks: NetworkUse[], holders: Parameters<typeof suggestionsFor>[0]["holders"] = []) =>
  suggestionsFor({ networks, holders }, 1_000);

describe("suggested is", () => {
  test("an Update Agent for a network whose agents all fetch over the link, with what it saves and why", () => {
    expect(suggested([network()])).toEqual([
      {
        id: "add_10-1-2-0_24",
        kind: "add",
        agent: { id: "pc-1", name: "pc-1" },
        network: "10.1.2.0/24",
        entry: { range: "10.1.2.0/24", name: "pc-1", url: "http://pc-1:21112", kinds: ["components"] },
        entries: [],
        saves: 3_900_000_000,
        reason:
          "40 agents of 10.1.2.0/24 fetched 4.0 GB over the link within a week at 200 kB/s; " +
          "pc-1 has been up for 9 days and has 9.0 GB free: it would fetch for all of them once, and save 3.9 GB",
      },
    ]);
  });

  test("the machine that runs longest, and of those the one with the most space", () => {
    const candidates = [
      candidate("new", { uptime: DAY / 2, freeBytes: 9e12 }),
      candidate("small", { uptime: 90 * DAY, freeBytes: 1e9 }),
      candidate("large", { uptime: 40 * DAY, freeBytes: 2e9 }),
      candidate("short", { uptime: 20 * DAY, freeBytes: 9e12 }),
    ];
    expect(suggested([network({ candidates })])[0]?.agent.name).toBe("large");
    expect(suggested([network({ candidates: candidates.slice(0, 1) })])).toEqual([]);
  });

  test("nothing where few agents are, nothing came over the link, or nobody could serve", () => {
    expect(suggested([network({ far: 4 })])).toEqual([]);
    expect(suggested([network({ farBytes: 0 })])).toEqual([]);
    expect(suggested([network({ candidates: [] })])).toEqual([]);
  });

  test("an Update Agent of its own for a network of one that serves too many", () => {
    const near = (agents: number) => new Map([["http://ua:21112", agents]]);
    const networks = [
      network({ far: 0, near: near(900) }),
      network({ network: "2001:db8::/64", far: 0, near: near(300), candidates: [candidate("pc-6")] }),
      network({ network: "10.9.0.0/24", far: 0, near: new Map([["http://other:21112", 900]]) }),
    ];
    expect(suggested(networks).map(({ id }) => id)).toEqual(["split_10-1-2-0_24", "split_2001-db8--_64"]);
    expect(suggested(networks)[0]?.reason).toContain("is the first source of 1200 agents");
  });

  test("the end of an Update Agent that serves nobody, and of its entries", () => {
    const holders = [
      { id: "a", name: "ua-a", entries: [2, 5], near: 0 },
      { id: "b", name: "ua-b", entries: [], near: 0 },
      { id: "c", name: "ua-c", entries: [1], near: 9 },
    ];
    expect(suggested([], holders)).toMatchObject([
      { id: "remove_a", kind: "remove", entries: [2, 5], entry: null },
      { id: "remove_b", kind: "remove", entries: [] },
    ]);
  });
});

test("an entry is put before the first that is for any of its addresses, else at the end", () => {
  const entry = { range: "10.1.2.0/24", name: "pc", url: "http://pc:21112", kinds: ["components" as const] };
  const [far, other] = [
    { range: "10.0.0.0/8", url: "http://a" },
    { range: "10.2.0.0/16", url: "http://b" },
  ];
  expect(withEntry({ entries: [other, far] }, entry).entries).toEqual([other, entry, far]);
  const hole = { ...far, except: ["10.1.0.0/16"] };
  expect(withEntry({ entries: [hole, other] }, entry).entries).toEqual([hole, other, entry]);
  expect(withEntry({}, entry)).toEqual({ mode: "customized", entries: [entry] });
  expect(withoutEntries({ version: 3, entries: [far, other, hole] }, [0, 2])).toEqual({
    version: 3,
    entries: [other],
  });
});

describe("over any fleet", () => {
  const agents = fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 30 })), {
    selector: ([third, last]) => `${third}.${last}`,
    maxLength: 60,
  });
  const fleetOf = (places: readonly (readonly [number, number])[]) =>
    places.map(([third, last]): FleetAgent => {
      const name = `pc-${third}-${last}`;
      return {
        ...{ id: name, addresses: [parseAddress(`10.1.${third}.${last}`)], dnsSuffixes: [] },
        ...{ self: { names: [name], port: 21_112 }, domain: "default", role: "agent" },
      };
    });
  const settingsOf = (list: unknown): FleetSettings => ({
    ...{ list: parseSourceList(list), policyOf: () => DEFAULT_POLICY, server: "http://server:21111" },
    ...{ activeUpdate: undefined, kinds: ["components"] },
  });
  const suggestionsOf = (fleet: FleetAgent[], list: unknown, serving: number[]) => {
    const candidates = new Map(fleet.map(({ id }) => [id, candidate(id, { freeBytes: id.length })]));
    const traffic = new Map([0, 1, 2, 3].map((third) => [`10.1.${third}.0/24`, { farBytes: 1e9, farMs: 1 }]));
    const facts = { servingEntries: new Set(serving), candidates, traffic };
    return suggestionsFor({ networks: networkUses(fleet, settingsOf(list), facts), holders: [] }, 1_000);
  };

  test("suggestions are the same in whatever order the agents come", () => {
    fc.assert(
      fc.property(agents, (places) => {
        const fleet = fleetOf(places);
        expect(suggestionsOf(fleet.toReversed(), {}, [])).toEqual(suggestionsOf(fleet, {}, []));
      }),
    );
  });

  test("one that was followed is not made again, and changes none of the others", () => {
    fc.assert(
      fc.property(agents, (places) => {
        const fleet = fleetOf(places);
        let list: Record<string, unknown> = {};
        let left = suggestionsOf(fleet, list, []);
        while (left.length > 0) {
          const [first, ...rest] = left;
          if (first?.entry == null) throw new Error("an entry was expected");
          list = withEntry(list, first.entry);
          const chosen = fleet.find(({ id }) => id === first.agent.id);
          if (chosen !== undefined) chosen.role = "update-agent";
          const count = (list.entries as unknown[]).length;
          left = suggestionsOf(fleet, list, [...Array(count).keys()]);
          expect(left.map(({ id }) => id)).toEqual(rest.map(({ id }) => id));
        }
      }),
    );
  });
});
