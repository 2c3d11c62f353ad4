import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GIVE_UP_AFTER, verdictOf } from "../../../../src/core/fleet/watch/delivery.ts";

const tried = { answer: { status: 500 }, attempts: 1, raisedAt: 0, failingSince: null };

describe("what follows an attempt to deliver an event:", () => {
  test("any status from 200 to 299 is good, and no other", () => {
    for (let status = 100; status < 600; status++) {
      const { state } = verdictOf({ ...tried, answer: { status } }, 0, 0.5);
      expect([status, state === "delivered"]).toEqual([status, status >= 200 && status < 300]);
    }
  });

  test("410 ends the webhook, and so does a day without any delivery; a single event is given up after a day", () => {
    expect(verdictOf({ ...tried, answer: { status: 410 } }, 0, 0).disable).toBe("it answered 410 Gone");
    const lost = verdictOf({ ...tried, raisedAt: 1, failingSince: 0 }, GIVE_UP_AFTER, 0);
    expect(lost).toMatchObject({ state: "failed", disable: expect.stringContaining("HTTP_500") });
    const late = verdictOf({ ...tried, failingSince: GIVE_UP_AFTER - 1 }, GIVE_UP_AFTER, 0);
    expect(late).toMatchObject({ state: "failed", disable: null });
  });

  test("the next attempt is at least as late as the receiver asks, within an hour, and never before now", () => {
    const facts = fc.record({
      attempts: fc.integer({ min: 1, max: 1_000 }),
      retryAfter: fc.option(fc.integer({ min: 0, max: 1e9 }), { nil: undefined }),
      random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    });
    fc.assert(
      fc.property(facts, ({ attempts, retryAfter = 0, random }) => {
        const answer = { status: 429, retryAfter };
        const { state, nextAt } = verdictOf({ ...tried, attempts, answer }, 1_000, random);
        expect(state).toBe("waiting");
        expect(nextAt).toBeGreaterThanOrEqual(1_000 + Math.min(retryAfter, 3_600_000));
        expect(nextAt).toBeLessThanOrEqual(1_000 + 3_600_000);
      }),
    );
  });
});
