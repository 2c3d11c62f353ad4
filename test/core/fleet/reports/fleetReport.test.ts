import { expect, test } from "vitest";
import { fleetReport } from "../../../../src/core/fleet/reports/fleetReport.ts";
import { networkTrafficOfAll } from "../../../../src/core/fleet/reports/networkTraffic.ts";
import { parseSourceList } from "../../../../src/core/order/sourceList.ts";

const list = parseSourceList({
  entries: [
    { range: "10.1.0.0/16", name: "ua-berlin", url: "http://ua-berlin:21112" },
    { range: "10.2.0.0/16", name: "ua-berlin", url: "http://ua-berlin:21112" },
    { range: "10.3.0.0/16", name: "ua-lyon", url: "http://ua-lyon:21112" },
    { range: "10.4.0.0/16", url: "http://mirror.example" },
  ],
});
const day = (at: number, bytes: number, farBytes: number, wholeBytes: number) => {
  return { day: at, runs: 1, bytes, farBytes, farMs: 0, wholeBytes };
};

const report = fleetReport(
  {
    list,
    updateAgents: new Set(["ua-berlin", "ua-lyon", "ua-idle"]),
    planned: [
      { source: "", agents: 3 },
      { source: "server", agents: 5 },
      { source: "ua-berlin", agents: 40 },
      { source: "ua-lyon", agents: 2 },
    ],
    traffic: [
      { source: "server", attempts: 9, failed: 1, bytes: 500 },
      { source: "ua-berlin", attempts: 80, failed: 0, bytes: 4_000 },
    ],
    networks: [
      { network: "10.1.0.0/24", runs: 7, bytes: 4_000, farBytes: 0, farMs: 0, wholeBytes: 9_000 },
      { network: "10.9.0.0/24", runs: 2, bytes: 500, farBytes: 500, farMs: 9, wholeBytes: 500 },
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
    ...{ bytes: 4_500, far: 500, near: 4_000, copies: 100, whole: 9_500, saved: 8_900 },
  });
  expect(report.days).toEqual([
    { day: 1, bytes: 3_000, far: 500, copies: 63, whole: 5_000, saved: 4_437 },
    { day: 2, bytes: 1_500, far: 0, copies: 38, whole: 4_500, saved: 4_462 },
  ]);
  expect(report.networks.map(({ network }) => network)).toEqual(["10.9.0.0/24", "10.1.0.0/24"]);
});

test("a run's bytes are near from an Update Agent by name, and far from everybody else; deltas count in what would have come", () => {
  const attempts = [
    { rule: "custom", name: "ua", url: "http://ua", outcome: "delivered", bytes: 10, ms: 1 },
    { rule: "custom", url: "http://mirror", outcome: "delivered", bytes: 20, ms: 2 },
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
    networkTrafficOfAll([
      of(["10.1.2.3", "10.9.9.9"], { installed }),
      of(["10.1.2.77"]),
      of(["2001:db8::5"]),
      of(["not an address"]),
      of([]),
      run,
    ]),
  ).toEqual([
    { network: "10.1.2.0/24", runs: 2, bytes: 120, farBytes: 100, farMs: 10, wholeBytes: 1_110 },
    { network: "2001:db8::/64", runs: 1, bytes: 60, farBytes: 50, farMs: 5, wholeBytes: 60 },
  ]);
});
