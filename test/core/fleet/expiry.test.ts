import { expect, test } from "vitest";
import { expiryState, isResignDue, noticeOf } from "../../../src/core/fleet/expiry.ts";

const DAY = 86_400_000;
const NOW = 1_795_000_000_000;

test.for([
  ["root", 91, "fine"],
  ["root", 89, "soon"],
  ["components", 59, "soon"],
  ["snapshot", 31, "fine"],
  ["timestamp", 8, "fine"],
  ["timestamp", 6, "soon"],
  ["timestamp", 0, "ended"],
  ["root", -1, "ended"],
] as const)("a %s that ends in %i days is %s", ([role, days, state]) => {
  expect(expiryState(NOW + days * DAY, NOW, noticeOf(role))).toBe(state);
});

test("a timestamp is signed again each day, four times within a life that is shorter, and when its date cannot be", () => {
  const due = (age: number, life: number) => isResignDue(NOW - age, NOW - age + life, NOW);
  expect([due(DAY - 1, 14 * DAY), due(DAY, 14 * DAY)]).toEqual([false, true]);
  expect([due(DAY / 4 - 1, DAY), due(DAY / 4, DAY)]).toEqual([false, true]);
  expect([isResignDue(undefined, NOW + DAY, NOW), isResignDue(NOW + 1, NOW + DAY, NOW)]).toEqual([
    true,
    true,
  ]);
});
