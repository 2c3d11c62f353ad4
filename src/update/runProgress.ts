import { promises as fs } from "node:fs";
import path from "node:path";
import type { UpdateEvent } from "../core/report.ts";
import type { Trigger } from "../core/settings/schedule.ts";
import type { DataDir } from "../store/dataDir.ts";
import { readIfThere, rename } from "../store/durable.ts";
import type { Run } from "./run.ts";

/** Progress of the current run. All of it can be lost without harm. */
export interface Progress {
  trigger: Trigger;
  /** ISO 8601. */
  started: string;
  /** The source that is being tried. */
  source?: Pick<Extract<UpdateEvent, { type: "source" }>, "name" | "url" | "kinds">;
  /** The transfer from there: bytes received, of how many. */
  transfer?: { component: string; received: number; length: number };
  /** The same of all that this source is to bring. */
  total?: { received: number; length: number };
  /** The reason for its wait, in words for people, and the start of it. */
  waiting?: { message: string; since: string };
  /** The hook that runs, after the switch. */
  hook?: string;
}

/** Shortest time (ms) between two writes. */
const INTERVAL = 1_000;
/** A run that fetches nothing is not worth writing of before it has gone on for so long (ms). */
const SHOWN_AFTER = 2_000;

/**
 * Keeps a run's progress for `status` while `work` goes on, in `tmp`: the process that takes the lock sweeps
 * that, so a file there while the lock is held is of the run that holds it. It is worth neither waiting for
 * the disk nor a failure.
 */
export async function withProgress<Result>(
  run: Run,
  trigger: Trigger,
  work: (run: Run) => Promise<Result>,
): Promise<Result> {
  const file = placeOf(run.dirs);
  let progress: Progress = { trigger, started: new Date().toISOString() };
  let written: Progress | undefined;
  let writing = Promise.resolve();
  const began = performance.now();
  const write = () => {
    const { transfer, waiting, hook } = progress;
    const isShort = !(transfer ?? waiting ?? hook) && performance.now() - began < SHOWN_AFTER;
    if (progress === written || isShort) return;
    written = progress;
    writing = writing.then(() => replace(file, JSON.stringify(written))).catch(() => {});
  };
  const timer = setInterval(write, INTERVAL).unref();
  const emit = (event: UpdateEvent) => {
    progress = after(progress, event);
    run.emit(event);
  };
  try {
    return await work({ ...run, emit });
  } finally {
    clearInterval(timer);
    await writing;
    if (written !== undefined) await fs.rm(file, { force: true }).catch(() => {});
  }
}

function after(progress: Progress, event: UpdateEvent): Progress {
  const { trigger, started } = progress;
  if (event.type === "attempt") return { trigger, started };
  if (event.type === "source") {
    const { name, url, kinds } = event;
    return { trigger, started, source: { ...(name === undefined ? {} : { name }), url, kinds } };
  }
  if (event.type === "hook") return { trigger, started, hook: event.program };
  if (event.type === "waiting") {
    const since = progress.waiting?.since ?? new Date().toISOString();
    return { ...progress, waiting: { message: event.message, since } };
  }
  if (event.type !== "progress") return progress;
  const { kind, component, received, length, total } = event;
  const before = progress.transfer;
  // Small files come side by side: one that has come whole is not the one waited for.
  const isWaitedFor = received < length || before === undefined || before.received >= before.length;
  const isSame = before?.component === `${kind}/${component}` && before.length === length;
  const transfer = isWaitedFor || isSame ? { component: `${kind}/${component}`, received, length } : before;
  const { waiting: _, ...rest } = progress;
  return { ...rest, transfer, ...(total === undefined ? {} : { total }) };
}

/** The progress that the run that holds the lock has written; undefined if there is none yet. */
export async function readProgress(dirs: DataDir): Promise<Progress | undefined> {
  try {
    const progress = JSON.parse((await readIfThere(placeOf(dirs)))?.toString() ?? "");
    return typeof progress?.started === "string" ? progress : undefined;
  } catch {
    return undefined;
  }
}

function placeOf(dirs: DataDir): string {
  return path.join(dirs.tmp, "progress.json");
}

async function replace(file: string, text: string): Promise<void> {
  const fresh = `${file}.new`;
  await fs.rm(fresh, { force: true });
  await fs.writeFile(fresh, text, { flag: "wx", mode: 0o644 });
  await rename(fresh, file);
}
