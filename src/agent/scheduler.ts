import {
  believed,
  nextRun,
  type Planned,
  retryDelay,
  type Schedule,
  type Trigger,
  type Wait,
  type Why,
} from "../core/settings/schedule.ts";

/** Time as an argument. */
export interface Clock {
  /** Milliseconds since the epoch; it may be set back or forward at any moment. */
  now(): number;
  /**
   * Calls `work` after so many milliseconds of this process's own time, and returns a function that cancels
   * that.
   */
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
  /** Time when the schedule was last followed; undefined for never, and where a run is owed. */
  followed?: number | undefined;
  clock: Clock;
  /** A random number in [0, 1). */
  random(): number;
  /** One update run; resolves with whether it is to be tried again soon, or undefined when it was stopped. */
  run(trigger: Trigger, signal: AbortSignal): Promise<{ again: boolean } | undefined>;
  /** A run that could not be begun, or brought to its end; it is tried again like one that failed. */
  onError(error: unknown): void;
  /**
   * Called after every change of `next`, `running`, `followed` and `owed`, except for the end of a run that
   * is stopped.
   */
  onChange(): void;
}

/**
 * However far away the next run is, the clock is looked at this often (ms): timers stand still while a
 * machine sleeps, and do not notice that the clock was set.
 */
const LOOK = 300_000;

/** A run that goes on. */
interface Running {
  trigger: Trigger;
  since: number;
  ended: Promise<void>;
}

/** Decides when this agent runs, and holds it to one run at a time. */
export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #stopping = new AbortController();
  #planned: Planned;
  #askedBy: Trigger = "manual";
  #running: Running | undefined;
  #failures = 0;
  /** Undoes the look that is due. */
  #cancel = () => {};

  constructor(options: SchedulerOptions) {
    const { agentId, schedule, followed, clock } = options;
    this.#options = options;
    this.#planned = { agentId, schedule, followed, started: clock.now() };
  }

  /** Begins to plan, and to run the due runs. */
  start(): void {
    this.#look();
  }

  get next(): NextRun | undefined {
    return this.#running === undefined ? nextRun(this.#planned, this.#options.clock.now()) : undefined;
  }

  get running(): { trigger: Trigger; since: number } | undefined {
    return this.#running;
  }

  get followed(): number | undefined {
    return this.#planned.followed;
  }

  /**
   * Time since which a run is owed: it is running, was stopped, was asked for, is tried again, or is the
   * first.
   */
  get owed(): number | undefined {
    return owedSince(this.#planned, this.#running);
  }

  /** Asks for a run after a delay (ms). Asked for during a run, it comes once after it, however often asked. */
  ask(trigger: Trigger, delay: number): void {
    const asked = { since: this.#options.clock.now(), delay };
    if (endOf(this.#planned.asked) <= endOf(asked)) return;
    this.#planned = { ...this.#planned, asked };
    this.#askedBy = trigger;
    this.#look();
  }

  /** Follows another schedule from now on. */
  follow(schedule: Schedule): void {
    this.#planned = { ...this.#planned, schedule };
    this.#look();
  }

  /** Stops a run that is going on, waits until it has ended, and begins none. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#cancel();
    await this.#running?.ended;
  }

  #look(): void {
    this.#cancel();
    if (this.#running !== undefined || this.#stopping.signal.aborted) return;
    const { clock, onChange } = this.#options;
    this.#planned = believed(this.#planned, clock.now());
    const next = nextRun(this.#planned, clock.now());
    if (next !== undefined && next.at <= clock.now()) {
      this.#begin(next);
      return;
    }
    const wait = Math.min((next?.at ?? Number.POSITIVE_INFINITY) - clock.now(), LOOK);
    this.#cancel = clock.after(wait, () => this.#look());
    onChange();
  }

  #begin({ why }: NextRun): void {
    const trigger = why === "asked" ? this.#askedBy : "schedule";
    const since = this.#options.clock.now();
    this.#planned = { ...this.#planned, asked: undefined, retry: undefined };
    this.#running = { trigger, since, ended: this.#run(trigger, why, since) };
    this.#options.onChange();
  }

  async #run(trigger: Trigger, why: Why, since: number): Promise<void> {
    const { run, onError, clock, random } = this.#options;
    const result = await run(trigger, this.#stopping.signal).catch((error: unknown) => {
      onError(error);
      return { again: true };
    });
    this.#failures = result?.again === true ? this.#failures + 1 : 0;
    // A run that was stopped, or died with this process, is one that was missed.
    if (result === undefined) this.#planned.retry = { since, delay: 0 };
    else if (why === "schedule" || why === "missed") this.#planned.followed = since;
    if (this.#failures > 0) {
      this.#planned.retry = { since: clock.now(), delay: retryDelay(this.#failures, random()) };
    }
    this.#running = undefined;
    this.#look();
  }
}

function owedSince(planned: Planned, running: Running | undefined): number | undefined {
  const { asked, retry, followed, started } = planned;
  const first = followed === undefined ? started : undefined;
  const known = [running?.since, asked?.since, retry?.since, first].filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

/** End of a wait; never, where there is none. */
function endOf(wait: Wait | undefined): number {
  return wait === undefined ? Number.POSITIVE_INFINITY : wait.since + wait.delay;
}
