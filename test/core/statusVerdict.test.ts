import { expect, test } from "vitest";
import type { Report } from "../../src/core/report.ts";
import { DEFAULT_AGES, statusVerdict, type VerdictFacts } from "../../src/core/statusVerdict.ts";

const NOW = Date.parse("2026-11-24T14:05:00Z");
const HOUR = 3_600_000;
const from = (ms: number) => new Date(NOW + ms).toISOString();

const report = { outcome: "current", undelivered: [] } as unknown as Report;
const fine: VerdictFacts = {
  generation: 12,
  metadata: [{ repository: "content", expires: from(300 * HOUR), ageMs: 720_000 }],
  lastRun: { ended: from(-720_000), report },
  lastFailure: null,
  resident: true,
  portFailure: undefined,
  failed: [],
  hidden: [],
};
const judge = (change: Partial<VerdictFacts>) => statusVerdict({ ...fine, ...change }, DEFAULT_AGES, NOW);

test("an agent that is current is OK, with its ages as performance data", () => {
  expect(judge({})).toEqual({
    state: "ok",
    line: "NEARSOURCE OK - generation 12, last run current 12 min ago | generation=12 content_age=720s;86400;259200;0 content_expires=1080000s;86400:;0:",
  });
});

const [content] = fine.metadata;
const metadataOf = (change: object) => ({ metadata: [{ ...content, ...change }] }) as Partial<VerdictFacts>;

test.for([
  ["warning", "for 25 h", metadataOf({ ageMs: 25 * HOUR })],
  ["critical", "for 3 days", metadataOf({ ageMs: 73 * HOUR })],
  ["warning", "expire in 23 h", metadataOf({ expires: from(23 * HOUR) })],
  ["critical", "expired 1 h ago", metadataOf({ expires: from(-HOUR) })],
  ["warning", "has confirmed the content yet", metadataOf({ ageMs: null })],
  ["warning", "no run has ended here yet", { metadata: [], lastRun: null }],
  [
    "warning",
    "no source delivered components",
    { lastRun: { ended: from(0), report: { outcome: "exhausted", undelivered: ["components"] } as never } },
  ],
  [
    "critical",
    "taken back: the hook exited with 1",
    {
      lastRun: {
        ended: from(0),
        report: { ...report, failure: { code: "HOOK_FAILED", message: "the hook exited with 1" } },
      },
    },
  ],
  [
    "warning",
    "(LOCKED)",
    { lastFailure: { ended: from(0), code: "LOCKED", message: "held", isLocal: false } },
  ],
  [
    "critical",
    "(DISK_FULL)",
    { lastFailure: { ended: from(0), code: "DISK_FULL", message: "full", isLocal: true } },
  ],
  ["warning", "the agent is not running", { resident: false }],
  ["warning", "port 21112 is taken", { portFailure: "port 21112 is taken" }],
  ["warning", "components/x failed here and is held", { failed: ["components/x"] }],
  ["unknown", "may not read state.json", { hidden: ["state.json"] }],
] as [string, string, Partial<VerdictFacts>][])("an agent is %s where %s", ([state, words, change]) => {
  const found = judge(change);
  expect(found.state).toBe(state);
  expect(found.line).toContain(`NEARSOURCE ${state.toUpperCase()} - `);
  expect(found.line).toContain(words);
});

test("the worst decides, and every reason is in the one line, the worst first", () => {
  const { state, line } = judge({
    resident: false,
    hidden: ["state.json"],
    ...metadataOf({ expires: from(-HOUR) }),
  });
  expect(state).toBe("critical");
  expect(line).toMatch(/expired 1 h ago; this account may not read state\.json; the agent is not running \|/);
});

test("a message of several lines with a bar neither breaks the line nor begins the performance data", () => {
  const message = "one\ntwo | three";
  const { line } = judge({ lastFailure: { ended: from(0), code: "UNEXPECTED", message, isLocal: true } });
  expect(line).toContain("one two / three (UNEXPECTED) | generation=12");
  expect(line).not.toContain("\n");
});
