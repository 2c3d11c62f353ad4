import { afterEach, describe, expect, test, vi } from "vitest";
import { parseRetryAfter, RETRY } from "../../src/http/retryAfter.ts";

const NOW = Date.parse("2026-11-20T08:00:00Z");

afterEach(() => vi.unstubAllEnvs());

test("retries at one source are few and short", () => {
  expect(RETRY.retries).toBe(1);
  expect(RETRY.maxTimeout).toBeLessThanOrEqual(1_000);
});

describe("Retry-After", () => {
  test.for([
    ["seconds", "120", 120_000],
    ["seconds with spaces around them", " 30 ", 30_000],
    ["no time at all, which is a second", "0", 1_000],
    ["less than no time", "-5", 1_000],
    ["more than an hour, which is an hour", "86400", 3_600_000],
    ["more seconds than can be counted", "9".repeat(400), 3_600_000],
    ["a date (RFC 9110 §5.6.7)", "Fri, 20 Nov 2026 08:01:30 GMT", 90_000],
    ["a date in the form of RFC 850", "Friday, 20-Nov-26 08:01:30 GMT", 90_000],
    ["a date in the form of asctime", "Fri Nov 20 08:01:30 2026", 90_000],
    ["a date that has passed", "Fri, 20 Nov 2026 07:00:00 GMT", 1_000],
    ["a date far away", "Fri, 20 Nov 2099 08:00:00 GMT", 3_600_000],
  ] as const)("is read as %s: %s", ([, header, milliseconds]) => {
    expect(parseRetryAfter(header, NOW)).toBe(milliseconds);
  });

  test.for([undefined, "", "soon", "1.5", "1e3", "0x10", "12 s", "2026-11-20T08:01:30Z", "Mon 5", "March 7"])(
    "says nothing when it is %s",
    (header) => {
      expect(parseRetryAfter(header, NOW)).toBeUndefined();
    },
  );

  test.for(["America/Los_Angeles", "Asia/Kolkata"])("is in UTC, also where the clock shows %s", (zone) => {
    vi.stubEnv("TZ", zone);
    expect(new Date(NOW).getTimezoneOffset()).not.toBe(0);
    expect(parseRetryAfter("Fri Nov 20 08:01:30 2026", NOW)).toBe(90_000);
  });
});
