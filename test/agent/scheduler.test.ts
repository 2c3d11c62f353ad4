import { describe, expect, test } from "vitest";
import { Scheduler, type SchedulerOptions } from "../../src/agent/scheduler.ts";
import type { Trigger } from "../../src/core/settings/schedule.ts";
import { testClock } from "../support/clock.ts";

const HOUR = 3_600_000;
const NOON = Date.parse("2026-01-01T12:00:00Z");

/** A scheduler whose runs last until the test ends them. */
function stage(options: Partial<SchedulerOptions> = {}) {
  const clock = testClock(NOON);
  const runs: { trigger: Trigger; at: number; end(again?: boolean): void; signal: AbortSignal }[] = [];
  const scheduler = new Scheduler({
    agentId: "an-agent",
    schedule: { interval: HOUR, splay: 0 },
    followed: NOON,
    clock,
    random: () => 0,
    onError: () => {},
    onChange: () => {},
    run: (trigger, signal) =>
      new Promise((done) => {
        const end = (again = false) => done({ again });
        runs.push({ trigger, at: clock.now() - NOON, end, signal });
        signal.addEventListener("abort", () => done(undefined));
      }),
    ...options,
  });
  scheduler.start();
  return { clock, runs, scheduler, latest: () => runs.at(-1) as (typeof runs)[number] };
}

describe("the scheduler", () => {
  test("runs at every slot, and plans the next", async () => {
    const { clock, runs, scheduler, latest } = stage();
    for (let hour = 1; hour <= 3; hour++) {
      await clock.pass(HOUR);
      expect(latest()).toMatchObject({ trigger: "schedule", at: hour * HOUR });
      expect(scheduler.next).toBeUndefined();
      latest().end();
    }
    await clock.pass(0);
    expect(runs).toHaveLength(3);
    expect(scheduler.next).toEqual({ at: NOON + 4 * HOUR, why: "schedule" });
  });

  test("holds one run at a time: slots and requests during a run lead to one run after it", async () => {
    const { clock, runs, scheduler, latest } = stage();
    await clock.pass(HOUR);
    for (let times = 0; times < 5; times++) scheduler.ask("notify", 0);
    await clock.pass(10 * HOUR);
    expect(runs).toHaveLength(1);
    latest().end();
    await clock.pass(0);
    expect(runs.map(({ trigger }) => trigger)).toEqual(["schedule", "notify"]);
    latest().end();
    await clock.pass(0);
    // The slots that passed meanwhile.
    expect(runs.map(({ trigger }) => trigger)).toEqual(["schedule", "notify", "schedule"]);
    latest().end();
    await clock.pass(HOUR / 2);
    expect(runs).toHaveLength(3);
  });

  test("runs what was asked for after its delay, and the sooner of two requests", async () => {
    const { clock, runs, scheduler } = stage();
    scheduler.ask("notify", 600_000);
    scheduler.ask("notify", 60_000);
    scheduler.ask("notify", 300_000);
    await clock.pass(59_999);
    expect(runs).toHaveLength(0);
    await clock.pass(1);
    expect(runs).toMatchObject([{ trigger: "notify", at: 60_000 }]);
  });

  test("catches up once, within five minutes, after a sleep of a day", async () => {
    const { clock, runs, latest } = stage();
    clock.set(NOON + 24 * HOUR + 1);
    await clock.pass(300_000);
    expect(runs).toHaveLength(1);
    latest().end();
    await clock.pass(300_000);
    expect(runs).toHaveLength(1);
  });

  test("is not led astray by a clock that is set back a year", async () => {
    const { clock, runs } = stage();
    clock.set(NOON - 365 * 24 * HOUR);
    await clock.pass(HOUR + 300_000);
    expect(runs).toHaveLength(1);
  });

  test("backs off after failures, and forgets them after a success", async () => {
    const { clock, runs, latest, scheduler } = stage({ schedule: { interval: 20 * HOUR, splay: 0 } });
    scheduler.ask("notify", 0);
    await clock.pass(0);
    const gaps: number[] = [];
    for (let failures = 0; failures < 8; failures++) {
      const before = clock.now();
      latest().end(true);
      const { length } = runs;
      await clock.pass(0);
      gaps.push((scheduler.next?.at ?? 0) - before);
      await clock.pass(gaps.at(-1) ?? 0);
      expect(runs).toHaveLength(length + 1);
    }
    expect(gaps).toEqual([30, 60, 120, 240, 480, 960, 1_800, 1_800].map((seconds) => seconds * 1_000));
    latest().end();
    await clock.pass(0);
    expect(scheduler.next?.why).toBe("schedule");
  });

  test("takes a run that throws for a failure, and has it said", async () => {
    const errors: unknown[] = [];
    const onError = (error: unknown) => errors.push(error);
    const { clock, scheduler } = stage({ run: () => Promise.reject(new Error("no")), onError });
    scheduler.ask("notify", 0);
    await clock.pass(0);
    expect(errors).toEqual([new Error("no")]);
    expect(scheduler.next?.why).toBe("retry");
  });

  test("goes by another schedule from the moment it has it", async () => {
    const { clock, runs, scheduler } = stage();
    scheduler.follow({ interval: 120_000, splay: 0 });
    await clock.pass(120_000);
    expect(runs).toHaveLength(1);
  });

  test("stops its run, waits for that, and begins no other", async () => {
    const { clock, runs, latest, scheduler } = stage();
    await clock.pass(HOUR);
    await scheduler.stop();
    expect(latest().signal.aborted).toBe(true);
    // So that the next process makes up for it.
    expect(scheduler.followed).toBe(NOON);
    scheduler.ask("notify", 0);
    await clock.pass(10 * HOUR);
    expect(runs).toHaveLength(1);
  });

  test("owes what goes on, was stopped, is to come or to be tried again, and nothing once it has come", async () => {
    const { clock, latest, scheduler } = stage();
    expect(scheduler.owed).toBeUndefined();
    await clock.pass(60_000);
    scheduler.ask("notify", 60_000);
    expect(scheduler.owed).toBe(NOON + 60_000);
    await clock.pass(60_000);
    expect(scheduler.owed).toBe(NOON + 120_000);
    latest().end(true);
    await clock.pass(0);
    expect(scheduler.owed).toBe(NOON + 120_000);
    await clock.pass(30_000);
    latest().end();
    await clock.pass(0);
    expect(scheduler.owed).toBeUndefined();
    scheduler.ask("notify", 0);
    await clock.pass(0);
    await scheduler.stop();
    expect(scheduler.owed).toBe(NOON + 150_000);
    expect(stage({ followed: undefined }).scheduler.owed).toBe(NOON);
  });

  test("looks at the clock every five minutes and no more often", async () => {
    let looks = 0;
    const { clock } = stage({ schedule: { interval: 24 * HOUR, splay: 0 }, onChange: () => looks++ });
    const before = looks;
    await clock.pass(6 * HOUR);
    expect(looks - before).toBe(72);
  });
});
