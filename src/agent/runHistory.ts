import { isSuccess, outcomeWord, type Trigger } from "../core/report.ts";
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

/** Keeps on disk what the resident agent says of itself, and writes only what has changed. */
export interface Journal {
  /** What is on disk, or about to be. */
  readonly said: ResidentState;
  /** What an earlier process followed and owed; milliseconds since the epoch. */
  readonly before: { followed: number | undefined; owed: number | undefined };
  /** What the scheduler is about to do, or does. */
  plan(scheduler: Pick<Scheduler, "next" | "running" | "followed" | "owed">): void;
  /** The run that goes on waits for another one. */
  waits(message: string): void;
  /** @param failure why it hears at no port, where it should */
  hears(port: number | null, failure?: string): void;
  serves(what: Serving | undefined): void;
  ended(trigger: Trigger, started: number, ended: number, end: RunEnd): void;
  /** Says that nothing is to come any more, and waits until all is written. */
  close(): Promise<void>;
}

/** Runs that are remembered. */
const MOST_RUNS = 10;

/** @param onUnwritten told why what it says cannot be written, once until it can again */
export async function openJournal(
  dir: ResidentDir,
  now: number,
  onUnwritten: (error: unknown) => void = () => {},
): Promise<Journal> {
  const before = await readResidentState(dir);
  let state: ResidentState = {
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
  let written = "";
  let writing = Promise.resolve();
  let isLost = false;
  const change = (changed: Partial<ResidentState>) => {
    state = { ...state, ...changed };
    const text = JSON.stringify(state);
    if (text === written) return;
    written = text;
    // What cannot be written is not worth a failure: nothing but `status` reads it. The next change tries again.
    writing = writing
      .then(() => writeResidentState(dir, text))
      .then(
        () => {
          isLost = false;
        },
        (error) => {
          written = "";
          if (!isLost) onUnwritten(error);
          isLost = true;
        },
      );
  };
  return {
    get said() {
      return state;
    },
    before: { followed: timeOf(before?.followed), owed: timeOf(before?.owed) },
    plan: ({ next, running, followed, owed }) =>
      change({
        ...(followed === undefined ? {} : { followed: inWords(followed) }),
        // To the millisecond: it is compared with when a run began.
        owed: owed === undefined ? undefined : new Date(owed).toISOString(),
        next: next === undefined ? null : { at: inWords(next.at), why: next.why },
        running: running === undefined ? null : { trigger: running.trigger, since: inWords(running.since) },
      }),
    waits: (message) => {
      if (state.running !== null) change({ running: { ...state.running, waiting: message } });
    },
    hears: (port, portFailure) => change({ port, portFailure }),
    serves: (what) => {
      if (what === undefined) return change({ serves: null });
      const { serving, reason, held, missing, missingBytes, fillRate, secondsLeft } = what;
      change({ serves: { serving, reason, held, missing, missingBytes, fillRate, secondsLeft } });
    },
    ended: (trigger, started, ended, end) => {
      const times = { started: new Date(started).toISOString(), ended: new Date(ended).toISOString() };
      const run = { trigger, ...times, ...summaryOf(end) };
      const gotAll = "report" in end && isSuccess(end.report);
      change({
        runs: [run, ...state.runs].slice(0, MOST_RUNS),
        ...(gotAll ? { lastSuccess: times.ended } : {}),
      });
    },
    close: async () => {
      change({ next: null, running: null, serves: null });
      await writing;
    },
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

function summaryOf(end: RunEnd): Omit<PastRun, "trigger" | "started" | "ended"> {
  if (!("report" in end)) return { outcome: "failed", ...end.failure };
  const { bytes, failure } = end.report;
  return { outcome: outcomeWord(end.report), bytes, ...failure };
}
