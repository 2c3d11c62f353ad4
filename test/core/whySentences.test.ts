import { expect, test } from "vitest";
import type { Attempt, Report } from "../../src/core/report.ts";
import { type LastKnown, whySentences } from "../../src/core/whySentences.ts";

const NOW = Date.parse("2026-11-24T14:05:00Z");
const minutesAgo = (minutes: number) => new Date(NOW - minutes * 60_000).toISOString();

const attempt: Attempt = {
  rule: "custom",
  clause: "1",
  entry: 0,
  name: "ua-berlin",
  url: "http://ua-berlin:21112",
  kinds: ["components"],
  delivered: ["components"],
  outcome: "delivered",
  ms: 40,
  bytes: 18_233,
};
const report: Report = {
  outcome: "updated",
  trigger: "schedule",
  exitCode: 0,
  addresses: ["10.1.2.3"],
  sourceList: { version: 7, from: "server" },
  attempts: [attempt],
  skipped: [],
  installed: [
    {
      component: "virus-pattern",
      kind: "components",
      fromVersion: "17.121.00",
      toVersion: "17.123.00",
      via: "delta",
      bytes: 18_233,
    },
  ],
  removed: [],
  undelivered: [],
  generation: 12,
  bytes: 20_110,
};
const known: LastKnown = {
  lastRun: { ended: minutesAgo(12), report },
  lastFailure: null,
  hintedAt: null,
  running: null,
  resident: true,
  next: { at: new Date(NOW + 14 * 60_000).toISOString(), why: "schedule" },
};
const say = (change: Partial<LastKnown>) => whySentences({ ...known, ...change }, NOW);
const after = (change: Partial<Report>) =>
  say({ lastRun: { ended: minutesAgo(12), report: { ...report, ...change } } });

test("a run that brought something is told with its source, the reason for it, and the next run", () => {
  expect(say({})).toEqual({
    last: "The last run, on schedule, brought virus-pattern 17.123.00 in 20 kB 12 min ago.",
    source:
      "It took components from ua-berlin, the first entry of the source list that is for this machine and could deliver (clause 1).",
    next: "The next run is in 14 min (Tue 24 Nov 2026 14:19 UTC), on schedule.",
  });
});

test("sources that failed before the one that was used are named with what they did", () => {
  const failed: Attempt = {
    ...attempt,
    name: "ua-lyon",
    delivered: [],
    outcome: "failed",
    code: "CONNECTION_REFUSED",
  };
  const server: Attempt = { ...attempt, rule: "server", clause: "2", url: "https://server.example" };
  delete server.name;
  expect(after({ attempts: [failed, server] }).source).toBe(
    "It took components from https://server.example, the server, since no entry of the source list is for this machine and could, and falling back to it is on (clause 2); ua-lyon refused connections.",
  );
  expect(after({ attempts: [failed], outcome: "exhausted" }).source).toBe(
    "No source could deliver: ua-lyon refused connections.",
  );
  const lost = { rule: "server" as const, reason: "it failed earlier in this run (CONNECTION_TIMEOUT)" };
  expect(after({ attempts: [failed], skipped: [lost], outcome: "exhausted" }).source).toBe(
    "No source could deliver: ua-lyon refused connections, the server did not answer.",
  );
});

test.for([
  [{ outcome: "current", installed: [] }, "found nothing newer"],
  [{ outcome: "partial", installed: [], undelivered: ["settings"] }, "found nothing newer, but no settings"],
  [{ outcome: "exhausted", installed: [] }, "got nothing from any source"],
  [
    { failure: { code: "HOOK_FAILED", message: "the hook exited with 1" } },
    "was taken back (the hook exited with 1)",
  ],
  [
    { installed: [], held: [{ component: "components/x", release: 3, reason: "held for a stage" }] },
    "found nothing newer, while 1 newer release waited for its time",
  ],
] as [Partial<Report>, string][])("a run of %j is said to have done so", ([change, words]) => {
  expect(after(change).last).toBe(`The last run, on schedule, ${words} 12 min ago.`);
});

test("a run that ended without a report is told with its reason, and what to do about it", () => {
  const lastFailure = {
    ended: minutesAgo(1),
    trigger: "manual" as const,
    message: "/var has 1 MB free",
    hint: "free some space",
  };
  expect(say({ lastFailure }).last).toBe(
    "The last run, started by hand, failed 1 min ago: /var has 1 MB free (free some space).",
  );
});

test("a machine that has done nothing yet says so, and that nothing is going to happen by itself", () => {
  const fresh = say({ lastRun: null, resident: false, next: null });
  expect(fresh.last).toBe("No run has ended on this machine yet.");
  expect(fresh.source).toBe("No source has been used yet.");
  expect(fresh.next).toMatch(/^No agent runs on this machine now/);
});

test("a run that goes on, one that is overdue, and one that nobody may know of are told apart", () => {
  const running = {
    trigger: "notify" as const,
    started: minutesAgo(2),
    source: { name: "ua-berlin", url: "x" },
  };
  expect(say({ running }).next).toBe(
    "A run is going on now, on a notification, from ua-berlin, since 2 min.",
  );
  expect(say({ next: { at: minutesAgo(30), why: "retry" } }).next).toBe(
    "The next run was due 30 min ago (Tue 24 Nov 2026 13:35 UTC), again after a failure.",
  );
  expect(say({ resident: undefined, next: null }).next).toMatch(/only root and the agent's own account/);
});

test("what DNS said since the last run is part of the first sentence", () => {
  expect(say({ hintedAt: minutesAgo(5) }).last).toBe(
    "The last run, on schedule, brought virus-pattern 17.123.00 in 20 kB 12 min ago, and DNS said 5 min ago that nothing is newer since.",
  );
  expect(say({ hintedAt: minutesAgo(50) }).last).not.toContain("DNS");
});
