import { expect, test } from "vitest";
import {
  isReportAfter,
  readPushAnswer,
  stateAfterRun,
} from "../../../../src/core/fleet/notification/told.ts";

const NOON = Date.parse("2026-01-01T12:00:00Z");

test.for([
  ["a run that it began", "notify", 5_000, true],
  ["a run that it began, by a clock that is minutes late", "notify", -300_000, true],
  ["a run of an earlier notification, whose report waited for hours", "notify", -3_600_000, false],
  ["a run by hand, after it", "manual", 1, true],
  ["a scheduled run that was on its way before", "schedule", -1, false],
] as const)("the report of %s", ([, trigger, offset, counts]) => {
  expect(isReportAfter({ trigger, startedAt: NOON + offset }, NOON)).toBe(counts);
});

test.for([
  ["updated", "done"],
  ["current", "done"],
  ["partial", "failed"],
  ["exhausted", "failed"],
  ["failed", "failed"],
  ["something of a newer program", "failed"],
] as const)("an agent whose run ended %s is %s", ([outcome, state]) => {
  expect(stateAfterRun(outcome)).toBe(state);
});

test.for([
  [202, "new"],
  [204, "known"],
  [403, "refused"],
  [413, "refused"],
  // No agent, or one that cannot listen now.
  [200, "unreachable"],
  [301, "unreachable"],
  [404, "unreachable"],
  [429, "unreachable"],
  [503, "unreachable"],
] as const)("the answer %i says %s", ([status, answer]) => {
  expect(readPushAnswer(status)).toBe(answer);
});
