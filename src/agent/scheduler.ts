import type { Trigger } from "../core/report.ts";
import {
  believed,
  nextRun,
  type Planned,
  retryDelay,
  type Schedule,
  type Why,
} from "../core/settings/schedule.ts";

/** Time as an argument. */
export interface Clock {
  /** Milliseconds since the epoch; it may be set back or forward at any moment. */
  now(): number;
  /** Calls `work` after so many milliseconds of this process's own time, and returns what undoes that. */
  after(milliseconds: number, work: () => void): () => void;
}

/** The next run, and why there is to be one. */
export interface NextRun {
  at: number;
  why: Why;
}

export interface SchedulerOptions {
  agentId: string;
  schedule: Schedule;
  /** When the schedule was last followed; undefined for never, and where a run is owed. */
  followed?: number | undefined;
  clock: Clock;
  /** In [0, 1). */
  random(): number;
  /** One update run; resolves with whether it is to be tried again soon, or undefined when it was stopped. */
  run(trigger: Trigger, signal: AbortSignal): Promise<{ again: boolean } | undefined>;
  /** A run that could not be begun, or brought to its end; it is tried again like one that failed. */
  onError(error: unknown): void;
  /** After every change of what `next`, `running`, `followed` and `owed` say, but for the end of a run that is stopped. */
  onChange(): void;
}

/** Decides when this agent runs, and holds it to one run at a time. */
export interface Scheduler {
  readonly next: NextRun | undefined;
  readonly running: { trigger: Trigger; since: number } | undefined;
  readonly followed: number | undefined;
  /** Since when a run is owed: it goes on, was stopped, was asked for, is tried again, or is the first. */
  readonly owed: number | undefined;
  /** Begins to plan, and to run what is due. */
  start(): void;
  /** Asks for a run after a delay (ms). Asked for during a run, it comes once after it, however often asked. */
  ask(trigger: Trigger, delay: number): void;
  /** Goes by another schedule from now on. */
  follow(schedule: Schedule): void;
  /** Stops a run that is going on, waits until it has ended, and begins none. */
  stop(): Promise<void>;
}

/**
 * However far away the next run is, the clock is looked at this often (ms): timers stand still while a
 * machine sleeps, and do not notice that the clock was set.
 */
const LOOK = 300_000;

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { clock, onChange } = options;
  let planned: Planned = { ...options, started: clock.now() };
  let askedBy: Trigger = "manual";
  let running: (Scheduler["running"] & { ended: Promise<void> }) | undefined;
  let failures = 0;
  let cancel = () => {};
  const stopping = new AbortController();

  const look = () => {
    cancel();
    if (running !== undefined || stopping.signal.aborted) return;
    planned = believed(planned, clock.now());
    const next = nextRun(planned, clock.now());
    if (next !== undefined && next.at <= clock.now()) return begin(next);
    cancel = clock.after(Math.min((next?.at ?? Number.POSITIVE_INFINITY) - clock.now(), LOOK), look);
    onChange();
  };

  const begin = ({ why }: NextRun) => {
    const trigger = why === "asked" ? askedBy : "schedule";
    const since = clock.now();
    planned = { ...planned, asked: undefined, retry: undefined };
    running = { trigger, since, ended: runOnce(trigger, why, since) };
    onChange();
  };

  const runOnce = async (trigger: Trigger, why: Why, since: number) => {
    const result = await options.run(trigger, stopping.signal).catch((error: unknown) => {
      options.onError(error);
      return { again: true };
    });
    const again = result?.again === true;
    if (result === undefined) planned.retry = { since, delay: 0 };
    // A run that was stopped, or died with this process, is one that was missed.
    if (result !== undefined && (why === "schedule" || why === "missed")) planned.followed = since;
    failures = again ? failures + 1 : 0;
    if (again) planned.retry = { since: clock.now(), delay: retryDelay(failures, options.random()) };
    running = undefined;
    look();
  };

  return {
    start: look,
    get next() {
      return running === undefined ? nextRun(planned, clock.now()) : undefined;
    },
    get running() {
      return running;
    },
    get followed() {
      return planned.followed;
    },
    get owed() {
      const since = [running?.since, planned.asked?.since, planned.retry?.since];
      if (planned.followed === undefined) since.push(planned.started);
      const known = since.filter((time) => time !== undefined);
      return known.length === 0 ? undefined : Math.max(...known);
    },
    ask: (trigger, delay) => {
      const wait = { since: clock.now(), delay };
      const { asked } = planned;
      if (asked !== undefined && asked.since + asked.delay <= wait.since + wait.delay) return;
      planned = { ...planned, asked: wait };
      askedBy = trigger;
      look();
    },
    follow: (schedule) => {
      planned = { ...planned, schedule };
      look();
    },
    stop: async () => {
      stopping.abort();
      cancel();
      await running?.ended;
    },
  };
}
