import { expect, test } from "vitest";
import { fleetReport } from "../../../../src/core/fleet/reports/fleetReport.ts";
import { networkTrafficOfAll } from "../../../../src/core/fleet/reports/networkTraffic.ts";
import type { AgentReport } from "../../../../src/core/fleet/reports/reportSummary.ts";
import { trafficOfAll } from "../../../../src/core/fleet/reports/reportTraffic.ts";
import { UpdateAgentPlaces } from "../../../../src/core/fleet/reports/updateAgentPlaces.ts";
import { nameOf } from "../../../../src/core/fleet/sourceName.ts";
import { parseSourceList } from "../../../../src/core/order/sourceList.ts";

const list = parseSourceList({
  entries: [
    { range: "10.1.0.0/16", name: "ua-berlin", url: "http://ua-berlin:21112" },
    { range: "10.2.0.0/16", name: "ua-berlin", url: "http://ua-berlin:21112" },
    { range: "10.3.0.0/16", name: "ua-lyon", url: "http://ua-lyon:21112" },
    { range: "10.4.0.0/16", url: "http://mirror.example" },
  ],
});
const NO_WASTE = { wastedBytes: 0, farWastedBytes: 0 };
const day = (at: number, bytes: number, farBytes: number, wholeBytes: number) => {
  return { day: at, runs: 1, bytes, farBytes, farMs: 0, wholeBytes, ...NO_WASTE };
};

const report = fleetReport(
  {
    entries: Map.groupBy(list.entries, nameOf),
    updateAgents: new Set(["ua-berlin", "ua-lyon", "ua-idle"]),
    planned: [
      { source: "", agents: 3 },
      { source: "server", agents: 5 },
      { source: "ua-berlin", agents: 40 },
      { source: "ua-lyon", agents: 2 },
    ],
    traffic: [
      { source: "server", attempts: 9, failed: 1, bytes: 500, wasted: 0 },
      { source: "ua-berlin", attempts: 80, failed: 0, bytes: 4_000, wasted: 0 },
    ],
    networks: [
      {
        network: "10.1.0.0/24",
        runs: 7,
        bytes: 4_000,
        farBytes: 0,
        farMs: 0,
        wholeBytes: 9_000,
        ...NO_WASTE,
      },
      { network: "10.9.0.0/24", runs: 2, bytes: 500, farBytes: 500, farMs: 9, wholeBytes: 500, ...NO_WASTE },
    ],
    days: [day(1, 3_000, 500, 5_000), day(2, 1_500, 0, 4_500)],
  },
  30,
);

test("each source has its ranges, agents and bytes, and Update Agents their limit and what is odd about them", () => {
  expect(
    report.lines.map(({ source, kind, ranges, agents, limit, verdict, bytes }) => {
      return [source, kind, ranges.length, agents, limit, verdict, bytes];
    }),
  ).toEqual([
    ["ua-berlin", "update-agent", 2, 40, 30, "overloaded", 4_000],
    ["server", "server", 0, 5, null, null, 500],
    ["ua-lyon", "update-agent", 1, 2, 30, "excessive", 0],
    ["http://mirror.example", "url", 1, 0, null, null, 0],
    ["ua-idle", "update-agent", 0, 0, 30, "idle", 0],
  ]);
  expect(report.withoutSource).toBe(3);
});

test("what was saved is what would have come, less what came over the link, less the Update Agents' own copies", () => {
  // Each of ua-berlin's 40 agents got 100 bytes of it on average: it fetched as much.
  expect(report.total).toEqual({
    ...{ bytes: 4_500, wasted: 0, far: 500, near: 4_000, copies: 100, whole: 9_500, saved: 8_900 },
  });
  expect(report.days).toEqual([
    { day: 1, bytes: 3_000, wasted: 0, far: 500, copies: 63, whole: 5_000, saved: 4_437 },
    { day: 2, bytes: 1_500, wasted: 0, far: 0, copies: 38, whole: 4_500, saved: 4_462 },
  ]);
  expect(report.networks.map(({ network }) => network)).toEqual(["10.9.0.0/24", "10.1.0.0/24"]);
});

test("a run's bytes are near from an Update Agent by where it is, and far from everybody else, also from a mirror of its name; deltas count in what would have come", () => {
  const attempts = [
    { rule: "custom", name: "ua", url: "http://ua:21112", outcome: "delivered", bytes: 10, ms: 1 },
    {
      ...{ rule: "custom", name: "ua", url: "http://mirror", outcome: "delivered" },
      ...{ bytes: 20, ms: 900, transferMs: 2 },
    },
    { rule: "server", url: "http://server", outcome: "failed", bytes: 30, ms: 3 },
    { rule: "active-update", url: "http://vendor", outcome: "current", bytes: 0, ms: 4 },
  ];
  const run = { started: "", ended: "", trigger: "", program: "" };
  const of = (addresses: string[], more: object = {}) => ({
    ...run,
    report: { outcome: "updated", addresses, attempts, ...more },
  });
  const installed = [{ bytes: 10, whole: 1_000 }, { bytes: 40 }, { bytes: 9, whole: 3 }];
  expect(
    networkTrafficOfAll(
      [
        of(["10.1.2.3", "10.9.9.9"], { installed }),
        of(["10.1.2.77"]),
        of(["2001:db8::5"]),
        of(["not an address"]),
        of([]),
        run,
      ],
      new UpdateAgentPlaces([{ id: "1", hosts: new Set(["ua"]), port: 21_112, pseudonym: "nearsource-1" }]),
    ),
  ).toEqual([
    { network: "10.1.2.0/24", runs: 2, bytes: 120, farBytes: 100, farMs: 10, wholeBytes: 1_110, ...NO_WASTE },
    { network: "2001:db8::/64", runs: 1, bytes: 60, farBytes: 50, farMs: 5, wholeBytes: 60, ...NO_WASTE },
  ]);
});

const LIAR = new UpdateAgentPlaces([
  { id: "1", hosts: new Set(["liar"]), port: 80, pseudonym: "nearsource-1" },
]);

const runOf = (...attempts: object[]) => {
  const report = { outcome: "updated", addresses: ["10.3.0.5"], attempts };
  return { started: "", ended: "", trigger: "", program: "", report } as AgentReport;
};

test("bytes that were rejected are told apart, whether an agent says so or only how the attempt failed; they save nothing", () => {
  const liar = { rule: "custom", name: "liar", url: "http://liar", outcome: "failed", bytes: 100, ms: 1 };
  const server = { rule: "server", url: "http://server", outcome: "delivered", bytes: 40, ms: 1 };
  for (const lie of [
    { ...liar, code: "HASH_MISMATCH", wasted: 100 },
    { ...liar, code: "HASH_MISMATCH" },
    { ...liar, code: "LENGTH_MISMATCH" },
    { ...liar, code: "SIGNATURE_INVALID" },
    // Nobody throws away more than came.
    { ...liar, code: "HASH_MISMATCH", wasted: 1e9 },
  ]) {
    const reports = [runOf(lie, server)];
    expect(trafficOfAll(reports, LIAR)).toEqual([
      { source: "@1", attempts: 1, failed: 1, bytes: 100, wasted: 100 },
      { source: "server", attempts: 1, failed: 0, bytes: 40, wasted: 0 },
    ]);
    expect(networkTrafficOfAll(reports, LIAR)).toMatchObject([
      { bytes: 140, farBytes: 40, wholeBytes: 40, wastedBytes: 100, farWastedBytes: 0 },
    ]);
  }
  // Bytes of a transfer that broke off are continued by the next source.
  const broken = { ...liar, code: "TRUNCATED" };
  expect(trafficOfAll([runOf(broken)], LIAR)).toMatchObject([{ wasted: 0 }]);
  const far = { ...liar, rule: "server", code: "HASH_MISMATCH", wasted: 60 };
  expect(networkTrafficOfAll([runOf(far)], LIAR)).toMatchObject([
    { bytes: 100, farBytes: 100, wholeBytes: 40, wastedBytes: 60, farWastedBytes: 60 },
  ]);
});

test("a fleet that got nothing but rejected bytes has saved nothing, and paid for them", () => {
  const wasted = { bytes: 1_000, wastedBytes: 1_000, wholeBytes: 0, runs: 1, farMs: 0 };
  const near = { ...wasted, farBytes: 0, farWastedBytes: 0 };
  const { lines, total, days } = fleetReport(
    {
      entries: Map.groupBy(list.entries, nameOf),
      updateAgents: new Set(["ua-berlin"]),
      planned: [{ source: "ua-berlin", agents: 10 }],
      traffic: [{ source: "ua-berlin", attempts: 9, failed: 9, bytes: 1_000, wasted: 1_000 }],
      networks: [{ ...near, network: "10.1.0.0/24" }],
      days: [
        { ...near, day: 1 },
        { ...near, day: 2, farBytes: 500, farWastedBytes: 500 },
      ],
    },
    30,
  );
  expect(lines[0]).toMatchObject({ source: "ua-berlin", bytes: 1_000, wasted: 1_000 });
  expect(total).toEqual({
    ...{ bytes: 2_000, wasted: 2_000, far: 500, near: 1_500, copies: 0, whole: 0, saved: 0 },
  });
  expect(days[1]).toMatchObject({ far: 500, wasted: 1_000, saved: 0 });
});
