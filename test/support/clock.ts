import type { Clock } from "../../src/agent/scheduler.ts";

/** A clock that only moves when a test says so, and can be set like any other. */
export interface TestClock extends Clock {
  /** Lets this much time pass, by the clock and for the timers. */
  pass(milliseconds: number): Promise<void>;
  /** Sets the clock, while timers go on as they were: a machine that wakes up is in the same situation. */
  set(now: number): void;
  /** Delays (ms) of the timers that are set. */
  timers(): number[];
}

export function testClock(start: number): TestClock {
  let now = start;
  let own = 0;
  const timers = new Map<object, { at: number; work: () => void }>();
  const settle = () => new Promise((done) => setImmediate(done));
  return {
    now: () => now,
    after: (milliseconds, work) => {
      const key = {};
      timers.set(key, { at: own + milliseconds, work });
      return () => timers.delete(key);
    },
    set: (to) => {
      now = to;
    },
    timers: () => [...timers.values()].map(({ at }) => at - own),
    pass: async (milliseconds) => {
      const end = own + milliseconds;
      for (;;) {
        await settle();
        const [next] = [...timers].filter(([, { at }]) => at <= end).sort((a, b) => a[1].at - b[1].at);
        if (next === undefined) break;
        const [key, { at, work }] = next;
        timers.delete(key);
        now += at - own;
        own = at;
        work();
      }
      now += end - own;
      own = end;
    },
  };
}
