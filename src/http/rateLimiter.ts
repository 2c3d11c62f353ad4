import { setTimeout as delay } from "node:timers/promises";

/** Limits the bytes read, over all connections together, to a rate. */
export interface RateLimiter {
  /** Waits until `bytes` more are due. An abort ends the wait; the reader notices it. */
  take(bytes: number, signal: AbortSignal | undefined): Promise<void>;
}

/** A clock that only goes forward, in ms. */
export interface Clock {
  now(): number;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

const REAL: Clock = {
  now: () => performance.now(),
  sleep: (ms, signal) => delay(ms, undefined, signal === undefined ? {} : { signal }),
};

/** Shorter waits than this (ms) are not worth a timer; they add up until they are. */
const SHORTEST = 10;

/** @param rate bytes per second as it is at the moment; undefined for no limit */
export function createRateLimiter(rate: () => number | undefined, clock: Clock = REAL): RateLimiter {
  let due = 0;
  return {
    async take(bytes, signal) {
      const limit = rate();
      if (limit === undefined) return;
      // Time in which nothing was read is not made up for.
      due = Math.max(due, clock.now()) + (bytes * 1_000) / limit;
      const wait = due - clock.now();
      if (wait >= SHORTEST) await clock.sleep(wait, signal).catch(() => {});
    },
  };
}
