import { expect, test } from "vitest";
import { createRateLimiter } from "../../src/http/rateLimiter.ts";

/** A clock that only moves while somebody waits on it. */
function fakeClock() {
  let time = 0;
  return {
    now: () => time,
    sleep: async (ms: number) => {
      time += ms;
    },
    pass: (ms: number) => {
      time += ms;
    },
  };
}

test("what is read in ten seconds is the rate times ten, whatever the size of the pieces", async () => {
  for (const piece of [100, 1_460, 65_536, 300_000]) {
    const clock = fakeClock();
    const limiter = createRateLimiter(() => 1_000_000, clock);
    let bytes = 0;
    while (clock.now() < 10_000) {
      await limiter.take(piece, undefined);
      bytes += piece;
    }
    expect(Math.abs(bytes - 10_000_000)).toBeLessThanOrEqual(piece + 10_000);
  }
});

test("time in which nothing came is not made up for", async () => {
  const clock = fakeClock();
  const limiter = createRateLimiter(() => 1_000, clock);
  clock.pass(60_000);
  await limiter.take(5_000, undefined);
  expect(clock.now()).toBe(65_000);
});

test("without a rate nobody waits, and a rate holds from the moment there is one", async () => {
  const clock = fakeClock();
  let rate: number | undefined;
  const limiter = createRateLimiter(() => rate, clock);
  await limiter.take(1_000_000, undefined);
  expect(clock.now()).toBe(0);
  rate = 1_000;
  await limiter.take(1_000, undefined);
  expect(clock.now()).toBe(1_000);
});

test("an abort ends the wait", async () => {
  const limiter = createRateLimiter(() => 1_024);
  const controller = new AbortController();
  const waiting = limiter.take(1_000_000_000, controller.signal);
  controller.abort();
  await waiting;
});
