import { expect, test } from "vitest";
import { atClock, momentsIn } from "../../src/console/ui/figures/moments.ts";

const NOW = Date.UTC(2026, 10, 27, 14, 5);

test("times in a sentence of the server are moments, which are told in the viewer's zone", () => {
  const said = "used the server since Tuesday 2026-11-24 14:05 UTC: ua-berlin refused connections";
  expect(momentsIn(said)).toEqual([
    "used the server since ",
    Date.UTC(2026, 10, 24, 14, 5),
    ": ua-berlin refused connections",
  ]);
  expect(momentsIn("all is well")).toEqual(["all is well"]);
});

test("a moment of today is said by the clock, one of this week by its weekday too, an older one by its date", () => {
  expect(atClock(NOW - 60_000, NOW)).toMatch(/^\d\d:\d\d/);
  expect(atClock(NOW - 3 * 86_400_000, NOW)).toMatch(/[a-z]+.*\d\d:\d\d/i);
  expect(atClock(NOW - 30 * 86_400_000, NOW)).toMatch(/2026/);
});
