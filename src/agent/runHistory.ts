import { isSuccess, outcomeWord } from "../core/report.ts";
import type { Trigger } from "../core/settings/schedule.ts";
import {
  type PastRun,
  type ResidentDir,
  type ResidentState,
  readResidentState,
  type Serving,
  writeResidentState,
} from "./residentState.ts";
import type { RunEnd } from "./runProcess.ts";
import type { Scheduler } from "./scheduler.ts";

/** Runs that are remembered. */
const MOST_RUNS = 10;

/**
 * Continues the state that an earlier process left on disk.
 *
 * @param onUnwritten called with the reason why it cannot be written, once until it can again
 */
export async function openJournal(
  dir: ResidentDir,
  now: number,
  onUnwritten: (error: unknown) => void = () => {},
): Promise<Journal> {
  return new Journal(dir, await readResidentState(dir), now, onUnwritten);
}

/** Keeps the state of the resident agent on disk, and writes only changes. */
export class Journal {
  /** The schedule that an earlier process followed, and the run it owed; milliseconds since the epoch. */
  readonly before: { followed: number | undefined; owed: number | undefined };
  readonly #dir: ResidentDir;
  readonly #onUnwritten: (error: unknown) => void;
  #state: ResidentState;
  /** The text that is on disk, or about to be; empty when it could not be written. */
  #written = "";
  #writing = Promise.resolve();
  #isLost = false;

  constructor(
    dir: ResidentDir,
    before: ResidentState | undefined,
    now: number,
    onUnwritten: (error: unknown) => void,
  ) {
    this.#dir = dir;
    this.#onUnwritten = onUnwritten;
    this.#state = newState(before, now);
    this.before = { followed: timeOf(before?.followed), owed: timeOf(before?.owed) };
  }

  /** The state on disk, or about to be. */
  get state(): ResidentState {
    return this.#state;
  }

  /** Notes the present and the next run of the scheduler. */
  plan({ next, running, followed, owed }: Pick<Scheduler, "next" | "running" | "followed" | "owed">): void {
    this.#change({
      ...(followed === undefined ? {} : { followed: inWords(followed) }),
      // To the millisecond: it is compared with when a run began.
      owed: owed === undefined ? undefined : new Date(owed).toISOString(),
      next: next === undefined ? null : { at: inWords(next.at), why: next.why },
      running: running === undefined ? null : { trigger: running.trigger, since: inWords(running.since) },
    });
  }

  /** The run that goes on waits for another one. */
  waits(message: string): void {
    const { running } = this.#state;
    if (running !== null) this.#change({ running: { ...running, waiting: message } });
  }

  /** @param failure the reason why it listens at no port, where it should */
  listens(port: number | null, failure?: string): void {
    this.#change({ port, portFailure: failure });
  }

  /** @param what the content it serves others; undefined for nothing */
  serves(what: Serving | undefined): void {
    this.#change({ serves: what === undefined ? null : servingOf(what) });
  }

  ended(trigger: Trigger, started: number, ended: number, end: RunEnd): void {
    const times = { started: new Date(started).toISOString(), ended: new Date(ended).toISOString() };
    const run = { trigger, ...times, ...summaryOf(end) };
    const gotAll = "report" in end && isSuccess(end.report);
    this.#change({
      runs: [run, ...this.#state.runs].slice(0, MOST_RUNS),
      ...(gotAll ? { lastSuccess: times.ended } : {}),
    });
  }

  /** Writes that nothing is to come any more, and waits until all is written. */
  async close(): Promise<void> {
    this.#change({ next: null, running: null, serves: null });
    await this.#writing;
  }

  #change(changed: Partial<ResidentState>): void {
    this.#state = { ...this.#state, ...changed };
    const text = JSON.stringify(this.#state);
    if (text === this.#written) return;
    this.#written = text;
    this.#writing = this.#writing.then(() => this.#write(text));
  }

  /**
   * A write that fails is not worth a failure: nothing but `status` reads the state. The next change tries
   * again.
   */
  async #write(text: string): Promise<void> {
    try {
      await writeResidentState(this.#dir, text);
      this.#isLost = false;
    } catch (error) {
      this.#written = "";
      if (!this.#isLost) this.#onUnwritten(error);
      this.#isLost = true;
    }
  }
}

/** The state of an agent that has just started. */
function newState(before: ResidentState | undefined, now: number): ResidentState {
  return {
    pid: process.pid,
    since: inWords(now),
    port: null,
    ...(before?.followed === undefined ? {} : { followed: before.followed }),
    ...(before?.owed === undefined ? {} : { owed: before.owed }),
    ...(before?.lastSuccess === undefined ? {} : { lastSuccess: before.lastSuccess }),
    next: null,
    running: null,
    runs: before?.runs ?? [],
  };
}

/** A time as it is written: to the second, since a plan that moves by less is no other plan. */
function inWords(time: number): string {
  return new Date(Math.round(time / 1_000) * 1_000).toISOString();
}

/** A time that was written; undefined where it was not, or does not read. */
function timeOf(words: string | undefined): number | undefined {
  const time = Date.parse(words ?? "");
  return Number.isNaN(time) ? undefined : time;
}

/** The state as it is written, without other fields beside it. */
function servingOf({
  serving,
  reason,
  held,
  missing,
  missingBytes,
  fillRate,
  secondsLeft,
}: Serving): Serving {
  return { serving, reason, held, missing, missingBytes, fillRate, secondsLeft };
}

function summaryOf(end: RunEnd): Omit<PastRun, "trigger" | "started" | "ended"> {
  if (!("report" in end)) return { outcome: "failed", ...end.failure };
  const { bytes, failure } = end.report;
  return { outcome: outcomeWord(end.report), bytes, ...failure };
}
