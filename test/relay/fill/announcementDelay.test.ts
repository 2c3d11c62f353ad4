import { expect, test } from "vitest";
import { type HeldBack, stateOf } from "../../../src/relay/fill/announcementDelay.ts";

const HELD: HeldBack = {
  ahead: 60_000,
  missingAtFirst: 1_000,
  missing: 500,
  rate: 100,
  idle: 0,
  maxLag: 3_600_000,
};

test("a publication is too late maxLag after the time that its bytes need", () => {
  const late = (ahead: number, rate: number | undefined) =>
    stateOf({ ...HELD, ahead, missingAtFirst: 90_000_000, rate, maxLag: 3_600_000 }).state === "late";
  expect([late(3_600_000, undefined), late(3_600_001, undefined)]).toEqual([false, true]);
  // 90 MB at 25 kB/s need an hour by themselves.
  expect([late(7_200_000, 25_000), late(7_200_001, 25_000)]).toEqual([false, true]);
});

test("clients are told to wait while its bytes come, and for how long, but not once they have stopped", () => {
  expect(stateOf(HELD)).toEqual({ state: "filling", missing: 500, seconds: 5 });
  expect(stateOf({ ...HELD, rate: undefined })).toEqual({
    state: "filling",
    missing: 500,
    seconds: undefined,
  });
  expect(stateOf({ ...HELD, idle: 30_001 })).toEqual({ state: "unavailable" });
  // Nothing may have come long before it was learnt.
  expect(stateOf({ ...HELD, ahead: 1_000, idle: Number.POSITIVE_INFINITY }).state).toBe("filling");
});
