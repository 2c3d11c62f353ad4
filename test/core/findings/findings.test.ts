import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Kind } from "../../../src/core/content/kind.ts";
import { FINDINGS, type FindingCode } from "../../../src/core/findings/findingCodes.ts";
import type { FleetFacts, ServingAgent } from "../../../src/core/findings/fleetFacts.ts";
import { fleetFindings } from "../../../src/core/findings/fleetFindings.ts";
import { listFindings, unresolvedFindings } from "../../../src/core/findings/listFindings.ts";
import { relayChains } from "../../../src/core/findings/relayChains.ts";
import { fleetEffect } from "../../../src/core/fleet/effect.ts";
import type { FleetAgent, FleetSettings } from "../../../src/core/fleet/fleetAgent.ts";
import { FleetUse } from "../../../src/core/fleet/fleetUse.ts";
import { nameOf } from "../../../src/core/fleet/sourceName.ts";
import { parseAddress } from "../../../src/core/order/address.ts";
import { parseSourceList } from "../../../src/core/order/sourceList.ts";
import { findingAt } from "../../../src/core/order/sourceListReview.ts";
import { DEFAULT_POLICY } from "../../../src/core/settings/policy.ts";
import { WRONG_NUMBER } from "../../support/wrongNumber.ts";

type Place = number | null;
const url = (name: string) => `http://${name}:21112`;
const entry = (range: string, name: string, more: object = {}) => ({ range, name, url: url(name), ...more });
const plain = { range: "10.1.0.0/16", url: "http://mirror.example" };

/** Codes and places of the findings of a list by itself. */
const ofList = (list: object) => listFindings(list).map(({ code, entry: place }) => [code, place]);

const LIST_CASES: [code: FindingCode, place: Place, list: object][] = [
  ["FIELD_INVALID", 1, { entries: [plain, { ...plain, range: "10.9-10.1" }] }],
  ["FIELD_INVALID", null, { entries: "none" }],
  ["TOO_MANY_ENTRIES", null, { entries: Array.from({ length: 1_025 }, () => plain) }],
  ["FIELD_UNKNOWN", 0, { entries: [{ ...plain, kind: [] }] }],
  ["REQUIRES_LACKING", null, { entries: [{ ...plain, except: ["10.1.1.0/24"] }] }],
  ["REQUIRES_IDLE", null, { requires: ["except"], entries: [plain] }],
  ["STANDARD_WITH_ENTRIES", null, { mode: "standard", entries: [plain] }],
  ["LEADS_NOWHERE", null, { serverFallback: { enabled: false } }],
  ["ENTRY_REPEATED", 1, { entries: [plain, { ...plain, range: "10.1.2.0/24" }] }],
  ["ENTRY_SHADOWED", 1, { entries: [plain, { range: "10.1.2.0/24", url: "http://b.example" }] }],
  ["ENTRY_OVERLAPS", 1, { entries: [plain, { range: "10.1.9.0-10.2.0.0", url: "http://b.example" }] }],
  ["EXCEPTION_IDLE", 0, { requires: ["except"], entries: [{ ...plain, except: ["10.2.0.0/16"] }] }],
  ["ENTRY_EXCEPTED", 0, { requires: ["except"], entries: [{ ...plain, except: ["10.1.0.0/16"] }] }],
];

const NOW = Date.UTC(2026, 10, 24, 12);

function agent(name: string, address: string, more: Partial<ServingAgent> = {}): ServingAgent {
  const place = { addresses: [parseAddress(address)], dnsSuffixes: [], domain: "default" };
  const fine = { state: "online" as const, reportedAt: NOW, freeBytes: 9e9, granted: [] as Kind[] };
  const role = (more.granted ?? []).length > 0 ? ("update-agent" as const) : ("agent" as const);
  return { id: name, name, ...place, self: { names: [name], port: 21_112 }, ...fine, role, ...more };
}
const holder = (name: string, address: string, more: Partial<ServingAgent> = {}) =>
  agent(name, address, { granted: ["components"], ...more });
const crowd = (count: number, network: string) =>
  Array.from({ length: count }, (_, index) =>
    agent(`pc-${network}-${index}`, `${network}.${index >> 8}.${index & 255}`),
  );

interface Fleet {
  list: object;
  agents: ServingAgent[];
  facts?: Partial<FleetFacts>;
  activeUpdate?: string;
}

function findingsOf({ list: written, agents, facts }: Fleet, kinds: Kind[] = ["components"]) {
  const list = parseSourceList(written);
  const settings: FleetSettings = {
    list,
    policyOf: () => DEFAULT_POLICY,
    server: "http://server.example:21111",
    activeUpdate: undefined,
    kinds,
  };
  const use = new FleetUse(list, settings.kinds);
  fleetEffect(agents as FleetAgent[], settings, settings, { use });
  const serving = agents.filter(({ name }) => name.startsWith("ua"));
  return fleetFindings(list, use, {
    serving,
    contentBytes: null,
    called: nameOf,
    attempts: new Map(),
    rejected: [],
    ...facts,
  });
}

const berlin = entry("10.1.0.0/16", "ua-berlin");
const few = crowd(5, "10.1");
const ring = [1, 2, 3, 4, 5].map((at) => holder(`ua-${at}`, `10.9.${at}.1`));
/** Each Update Agent is led to the next; `last` is where the last goes. */
const chain = (last: object[]) => ({
  entries: [...ring.slice(0, -1).map((_, at) => entry(`10.9.${at + 1}.0/24`, `ua-${at + 2}`)), ...last],
});

const FLEET_CASES: [code: FindingCode, place: Place, fleet: Fleet][] = [
  ["UPDATE_AGENT_UNKNOWN", 0, { list: { entries: [berlin] }, agents: few }],
  [
    "UPDATE_AGENT_WITHOUT_ROLE",
    0,
    { list: { entries: [berlin] }, agents: [...few, agent("ua-berlin", "10.1.9.9")] },
  ],
  [
    "UPDATE_AGENT_WITHOUT_KINDS",
    0,
    {
      list: { entries: [{ ...berlin, kinds: ["components", "programs"] }] },
      agents: [...few, holder("ua-berlin", "10.1.9.9")],
    },
  ],
  [
    "UPDATE_AGENT_SILENT",
    0,
    { list: { entries: [berlin] }, agents: [...few, holder("ua-berlin", "10.1.9.9", { state: "late" })] },
  ],
  [
    "UPDATE_AGENT_DISK",
    0,
    {
      list: { entries: [berlin] },
      agents: [...few, holder("ua-berlin", "10.1.9.9", { freeBytes: 2e9 })],
      facts: { contentBytes: 3e9 },
    },
  ],
  ["UPDATE_AGENT_IDLE", null, { list: { entries: [] }, agents: [...few, holder("ua-berlin", "10.1.9.9")] }],
  [
    "UPDATE_AGENT_FOR_FEW",
    0,
    { list: { entries: [berlin] }, agents: [...crowd(2, "10.1"), holder("ua-berlin", "10.1.9.9")] },
  ],
  [
    "UPDATE_AGENT_OVERLOADED",
    0,
    { list: { entries: [berlin] }, agents: [...crowd(1_001, "10.1"), holder("ua-berlin", "10.2.9.9")] },
  ],
  [
    "UPDATE_AGENTS_EXCESSIVE",
    2,
    {
      list: { entries: [berlin, entry("10.1.0.0/16", "ua-2"), entry("10.1.0.0/16", "ua-3")] },
      agents: [...few, ...["ua-berlin", "ua-2", "ua-3"].map((name, at) => holder(name, `10.1.9.${at}`))],
    },
  ],
  ["UPDATE_AGENTS_LOOP", 0, { list: chain([entry("10.9.5.0/24", "ua-1")]), agents: ring }],
  ["UPDATE_AGENTS_CHAIN", 0, { list: chain([entry("10.1.0.0/16", "ua-1")]), agents: [...ring, ...few] }],
  [
    "SOURCE_FAILING",
    0,
    {
      list: { entries: [plain] },
      agents: few,
      facts: { attempts: new Map([[plain.url, { attempts: 10, failed: 5 }]]) },
    },
  ],
  [
    "SOURCE_REJECTED",
    0,
    {
      list: { entries: [plain] },
      agents: few,
      facts: { rejected: [{ source: plain.url, code: "HASH_MISMATCH", agents: 1, since: NOW, last: NOW }] },
    },
  ],
  ["RANGE_EMPTY", 1, { list: { entries: [plain, { ...plain, range: "10.7.0.0/16" }] }, agents: few }],
  // Of two agents of one machine the entry is for one alone, and that is the one it leads to.
  [
    "ENTRY_SERVES_NOBODY",
    0,
    {
      list: { entries: [entry("10.1.9.9", "ua-berlin")] },
      agents: [holder("ua-berlin", "10.1.9.9"), ...few],
    },
  ],
  ["AGENTS_UNMATCHED", null, { list: { entries: [plain] }, agents: [...few, agent("pc", "10.2.0.1")] }],
  [
    "AGENTS_WITHOUT_SOURCE",
    null,
    {
      list: { entries: [{ ...plain, kinds: ["programs"] }], serverFallback: { enabled: true, kinds: [] } },
      agents: few,
    },
  ],
];

describe("a list by itself has the finding", () => {
  test.for(LIST_CASES)("%s, at %s", ([code, place, list]) => {
    expect(ofList(list)).toContainEqual([code, place]);
  });

  test("FIELD_REPEATED, where the file says so", () => {
    const said = findingAt("FIELD_REPEATED", ["entries", 3, "url"], (field) => `${field} stands twice`);
    expect(said).toMatchObject({ level: "warning", entry: 3, field: "url", message: "url stands twice" });
  });

  test("HOST_UNRESOLVED, at the first entry that has it", () => {
    const [found] = unresolvedFindings(new Map([["gone.example", 4]]), ["gone.example"]);
    expect(found).toMatchObject({ code: "HOST_UNRESOLVED", entry: 4, field: "url", level: "warning" });
    const remedyOf = (address: string) =>
      unresolvedFindings(new Map([["ua", 0]]), ["ua"], new Map([["ua", address]]))[0]?.remedy;
    expect(remedyOf("10.1.0.9")).toMatch(/^write its address 10\.1\.0\.9 in place of the name/);
    expect(remedyOf("2001:db8::5")).toContain("[2001:db8::5]");
  });

  test("of no code, where nothing is odd about it", () => {
    expect(ofList({ entries: [plain, { range: "10.2.0.0/16", url: "http://b.example" }] })).toEqual([]);
  });
});

describe("a list and its fleet have the finding", () => {
  test.for(FLEET_CASES)("%s, at %s", ([code, place, fleet]) => {
    const found = findingsOf(fleet).filter((each) => each.code === code);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ entry: place, level: FINDINGS[code][0], remedy: FINDINGS[code][2] });
  });

  test("of no code, where each agent has an Update Agent that is well", () => {
    const agents = [...crowd(20, "10.1"), holder("ua-berlin", "10.1.9.9")];
    expect(findingsOf({ list: { entries: [berlin] }, agents })).toEqual([]);
  });

  test("of no code for a machine of several behind one name, where another is well", () => {
    const pair = [
      holder("ua-berlin", "10.1.9.8", { id: "one", state: "late" }),
      holder("ua-berlin", "10.1.9.9"),
    ];
    expect(findingsOf({ list: { entries: [berlin] }, agents: [...few, ...pair] })).toEqual([]);
  });

  test("of the kinds that agents have no source for, and not for settings, which come from the server", () => {
    const own = { entries: [plain], serverFallback: { enabled: false } };
    const lacking = (kinds: Kind[], list: object = own) =>
      findingsOf({ list, agents: few }, kinds).filter(({ code }) => code === "AGENTS_WITHOUT_SOURCE");
    expect(lacking(["components", "settings"])).toEqual([]);
    const elsewhere = { ...own, entries: [{ ...plain, kinds: ["settings"] }] };
    expect(lacking(["components", "settings", "programs"], elsewhere)).toMatchObject([
      {
        message: "5 of 5 agents have no source for components; 5 of 5 agents have no source for programs",
      },
    ]);
  });

  test("no agent is unknown, or without an entry, that is reached under a URL of its own", () => {
    const proxied = { ...berlin, name: "Berlin", url: "https://updates.example/berlin" };
    const known = holder("ua-berlin", "10.1.9.9", {
      self: { names: ["ua-berlin"], port: 21_112, urls: ["https://updates.example/berlin"] },
    });
    expect(findingsOf({ list: { entries: [proxied] }, agents: [...few, known] })).toEqual([]);
  });

  test("no agent is unknown that the list names by its full name, or by another and its address", () => {
    const full = { ...berlin, name: "Berlin", url: url("ua-berlin.corp.example") };
    const known = holder("ua-berlin", "10.1.9.9", { dnsSuffixes: ["corp.example"] });
    expect(findingsOf({ list: { entries: [full] }, agents: [...few, known] })).toEqual([]);
    const byAddress = { ...berlin, name: "Berlin", url: url("10.1.9.9") };
    expect(findingsOf({ list: { entries: [byAddress] }, agents: [...few, known] })).toEqual([]);
  });
});

test("of a chain the loop is said once, and not those that lead into it", () => {
  const upstream = new Map([
    ["a", "b"],
    ["b", "c"],
    ["c", "b"],
    ["x", "a"],
  ]);
  expect(relayChains(upstream)).toEqual({ loops: [["b", "c"]], long: [] });
});

test("every code has a case here, and docs/findings.md says of every code what the list of them says", () => {
  const cases = [...LIST_CASES, ...FLEET_CASES].map(([code]) => code);
  const codes = Object.keys(FINDINGS) as FindingCode[];
  expect(new Set([...cases, "FIELD_REPEATED", "HOST_UNRESOLVED"])).toEqual(new Set(codes));
  const rows = readFileSync("docs/findings.md", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("| `"));
  expect(rows).toEqual(
    codes.map((code) => {
      const [level, what, remedy] = FINDINGS[code];
      return `| \`${code}\` | ${level} | ${what} | ${remedy} |`;
    }),
  );
});

test("no finding counts one thing in the plural, or more than one in the singular", () => {
  const few = fc.integer({ min: 0, max: 2 });
  const sites = ["10.1", "10.2"];
  const fleets = fc.record({ inRange: few, outside: few, holders: few, entries: few, rejecting: few });
  const said = new Set<string>();
  fc.assert(
    fc.property(fleets, ({ inRange, outside, holders, entries, rejecting }) => {
      const own = (index: number) => holder(`ua-${index}`, `10.1.9.${index + 1}`, { freeBytes: 1 });
      const ranges = Array.from({ length: entries * 3 }, (_, index) => entry("10.1.0.0/16", `ua-${index}`));
      const rejected = {
        source: url("ua-0"),
        code: "HASH_MISMATCH",
        since: NOW,
        last: NOW,
        agents: rejecting,
      };
      const found = findingsOf(
        {
          list: { mode: "customized", entries: ranges, serverFallback: { enabled: false } },
          agents: [
            ...Array.from({ length: holders }, (_, index) => own(index)),
            ...[inRange, outside].flatMap((count, site) => crowd(count, sites[site] ?? "")),
          ],
          facts: { rejected: rejecting === 0 ? [] : [rejected] },
        },
        ["components", "programs"],
      );
      for (const { code, message } of found) {
        said.add(code);
        expect(message).not.toMatch(WRONG_NUMBER);
      }
    }),
    { numRuns: 300 },
  );
  // The sentences that count were among them.
  expect([...said]).toEqual(
    expect.arrayContaining([
      "AGENTS_UNMATCHED",
      "AGENTS_WITHOUT_SOURCE",
      "ENTRY_SERVES_NOBODY",
      "UPDATE_AGENT_FOR_FEW",
      "UPDATE_AGENTS_EXCESSIVE",
      "SOURCE_REJECTED",
    ]),
  );
});
