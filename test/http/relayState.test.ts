import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  formatRelayState,
  isWorthWaiting,
  parseRelayState,
  pauseBefore,
  pauseWhileFilling,
} from "../../src/http/relayState.ts";

describe("what an Update Agent says of itself", () => {
  test("is read as it was written", () => {
    const state = { state: "filling", missing: 3_200_000, seconds: 14 } as const;
    expect(formatRelayState(state)).toBe("filling; missing=3200000; seconds=14");
    expect(parseRelayState(formatRelayState(state))).toEqual(state);
    expect(parseRelayState("full")).toEqual({ state: "full" });
  });

  test("is worth waiting for only while it fills, or has no place", () => {
    const worth = ["filling", "full", "room", "late", "unavailable"].filter((name) => {
      const state = parseRelayState(name);
      return state !== undefined && isWorthWaiting(state);
    });
    expect(worth).toEqual(["filling", "full"]);
  });

  test.for([undefined, "", "dead", "filling".padEnd(300), ["filling", "full"], "missing=3"])(
    "is nothing where it is %j",
    (header) => {
      expect(parseRelayState(header)).toBeUndefined();
    },
  );

  test("loses what is no number, and keeps the rest", () => {
    expect(parseRelayState("filling; missing=-3; seconds=1e9; more=1")).toEqual({ state: "filling" });
  });

  test("of any shape never throws, and a number it gives is one", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const { missing = 0, seconds = 0 } = parseRelayState(`filling;${text}`) ?? {};
        expect(Number.isSafeInteger(missing) && Number.isSafeInteger(seconds)).toBe(true);
      }),
    );
  });
});

describe("who waits", () => {
  test("is asked back soon after the rest has come, and at least every ten seconds", () => {
    const pauses = [undefined, 0.2, 4.2, 3_600].map((seconds) =>
      pauseWhileFilling({ state: "filling", seconds }),
    );
    expect(pauses).toEqual([2, 1, 5, 10]);
  });

  test("comes back within a quarter of what was asked for, and never after its patience", () => {
    expect([0, 0.5, 1].map((random) => pauseBefore(8_000, 60_000, random))).toEqual([6_000, 8_000, 10_000]);
    expect(pauseBefore(8_000, 500, 0.5)).toBe(500);
    expect(pauseBefore(undefined, 60_000, 0.5)).toBe(5_000);
  });
});
