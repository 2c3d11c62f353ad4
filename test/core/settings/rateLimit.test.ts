import { describe, expect, test } from "vitest";
import { parseWeeklyHours, rateAt } from "../../../src/core/settings/rateLimit.ts";

/** 2026-03-02 is a Monday. */
const at = (day: number, time: string) => new Date(`2026-03-0${day}T${time}:00`);
const limit = (...hours: string[]) => ({ bytesPerSecond: 5_000, hours: hours.map(parseWeeklyHours) });

describe("a bandwidth limit", () => {
  test("without hours holds always", () => {
    expect(rateAt({ bytesPerSecond: 5_000 }, at(2, "03:00"))).toBe(5_000);
    expect(rateAt(undefined, at(2, "03:00"))).toBeUndefined();
  });

  test.for([
    ["mon-fri 08:00-18:00", at(2, "08:00"), true],
    ["mon-fri 08:00-18:00", at(2, "17:59"), true],
    ["mon-fri 08:00-18:00", at(2, "18:00"), false],
    ["mon-fri 08:00-18:00", at(7, "12:00"), false],
    ["08:00-18:00", at(7, "12:00"), true],
    ["sat,sun 00:00-24:00", at(8, "23:59"), true],
    ["sat,sun 00:00-24:00", at(2, "00:00"), false],
    ["fri-mon 10:00-11:00", at(8, "10:30"), true],
    ["fri-mon 10:00-11:00", at(4, "10:30"), false],
    ["mon 22:00-06:00", at(2, "23:00"), true],
    ["mon 22:00-06:00", at(3, "05:59"), true],
    ["mon 22:00-06:00", at(2, "05:59"), false],
    ["MON 22:00-06:00", at(3, "06:00"), false],
  ] as const)("%s, at %s: %s", ([hours, now, holds]) => {
    expect(rateAt(limit(hours), now)).toBe(holds ? 5_000 : undefined);
  });

  test("holds in any of its hours", () => {
    const both = limit("mon 08:00-09:00", "mon 10:00-11:00");
    expect(rateAt(both, at(2, "10:30"))).toBe(5_000);
    expect(rateAt(both, at(2, "09:30"))).toBeUndefined();
  });
});

describe("hours of the week are refused, with what is wrong,", () => {
  test.for([
    ["weekdays", /not hours of the week/],
    ["mon 8-18", /not hours of the week/],
    ["mon 25:00-26:00", /not between 00:00 and 24:00/],
    ["mon 08:60-09:00", /not between 00:00 and 24:00/],
    ["mon 24:00-25:00", /not between/],
    ["moon 08:00-09:00", /"moon" is not a day/],
    ["mon-sunday 08:00-09:00", /is not a day/],
    ["mon-fri-xyz 08:00-09:00", /"mon-fri-xyz" is not a day or a range of days/],
    ["mon-fri-sat 08:00-09:00", /is not a day/],
    ["mon-fri- 08:00-09:00", /is not a day/],
  ] as const)("in %s", ([text, reason]) => {
    expect(() => parseWeeklyHours(text)).toThrow(reason);
  });
});
