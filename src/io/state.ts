import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import * as v from "valibot";
import { REPOSITORIES, type Repository } from "../core/layout.ts";
import type { Report } from "../core/report.ts";
import type { HeldTimestamp } from "../core/versionRecord.ts";
import { NearsourceError } from "../errors.ts";
import { loadConf } from "./conf.ts";
import {
  type DataDir,
  guardStorage,
  readIfThere,
  refuseLink,
  rename,
  syncFile,
  syncFolder,
  temporaryName,
} from "./files.ts";
import { touch, touchedAt } from "./touched.ts";

/** What an agent remembers between runs, in `<dataDir>/state.json`. All of it can be lost without harm. */
export interface State {
  /** Names this agent to the server, and in `settings/update-agents.json`. */
  agentId: string;
  /** Newest time that signed metadata has shown, ISO 8601: the clock is never believed to be before it. */
  clockFloor?: string;
  /** When each repository was last confirmed to be current, ISO 8601. */
  fresh: { content?: string; settings?: string };
  /** Releases that a failed hook or a rollback put away, by `kind/name`; a higher one lifts the hold. */
  failed: Record<string, number>;
  /** Those of them that a rollback put away. */
  rolledBack?: string[];
  /** The generation that the hook was told of last, and was content with. */
  announced?: number;
  /** When all that is installed was last hashed by a run, and is to be again, ISO 8601 (`verifyEvery`). */
  verified?: string;
  verifyDue?: string;
  /** ETag of the trusted timestamp, by repository, version and source: `content 7 http://ua:21112`. */
  etags: Record<string, string>;
  /** The newest timestamp held of each repository. */
  timestamps?: Partial<Record<Repository, HeldTimestamp>>;
  lastRun?: LastRun;
}

export interface LastRun {
  started: string;
  ended: string;
  report: Report;
}

/**
 * The state on disk, or a new one. A damaged file counts as none.
 *
 * @throws NearsourceError of the storage phase when there is one that cannot be read
 */
export async function readState(dirs: DataDir): Promise<State> {
  const fresh: State = { agentId: randomUUID(), fresh: {}, failed: {}, etags: {} };
  await refuseLink(statePath(dirs));
  const stored = parseState(await readIfThere(statePath(dirs)));
  if (stored === undefined) return fresh;
  confirm(stored, touchedAt(dirs.root, "confirmed"));
  return stored;
}

/** Read without conf: at every start, only to be read, the file is not worth loading it. */
function parseState(bytes: Buffer | undefined): State | undefined {
  try {
    const stored = v.safeParse(stateSchema, JSON.parse(bytes?.toString() ?? ""));
    return stored.success ? (stored.output as unknown as State) : undefined;
  } catch {
    return undefined;
  }
}

/** Moves the last run, and what it found fresh, to when it was last confirmed. */
function confirm(state: State, at: Date | undefined): void {
  const { lastRun, fresh } = state;
  if (lastRun === undefined || at === undefined || at <= new Date(lastRun.ended)) return;
  for (const repository of REPOSITORIES) {
    const confirmed = fresh[repository];
    const byLastRun = confirmed !== undefined && Date.parse(confirmed) >= Date.parse(lastRun.started) - 5_000;
    if (byLastRun) fresh[repository] = at.toISOString();
  }
  state.lastRun = { ...lastRun, started: at.toISOString(), ended: at.toISOString() };
}

/**
 * Keeps the state after a run. A run that found nothing new, like the one before it, writes nothing:
 * only the time of the file `confirmed` says that it was.
 *
 * @throws NearsourceError of the storage phase
 */
export async function keepState(dirs: DataDir, state: State): Promise<void> {
  const stored = parseState(await readIfThere(statePath(dirs)));
  const sameAgain = stored !== undefined && isDeepStrictEqual(withoutTimes(stored), withoutTimes(state));
  if (!sameAgain || state.lastRun?.report.outcome !== "current") return await writeState(dirs, state);
  await guardStorage(`cannot write to ${dirs.root}`, async () => touch(dirs.root, "confirmed", new Date()));
}

/** What a state says, whenever it was and however long it took. */
function withoutTimes({ lastRun, fresh, ...rest }: State): object {
  const attempts = lastRun?.report.attempts.map(({ ms: _, ...attempt }) => attempt);
  return JSON.parse(
    JSON.stringify({ ...rest, fresh: Object.keys(fresh), report: { ...lastRun?.report, attempts } }),
  );
}

/**
 * The state for a run. A new agent's id is written down before it is used, so that it stays the same
 * however its first run ends.
 *
 * @throws NearsourceError of the storage phase
 */
export async function openState(dirs: DataDir): Promise<State> {
  const isNew = !existsSync(statePath(dirs));
  const state = await readState(dirs);
  if (isNew) await writeState(dirs, state);
  return state;
}

/**
 * Replaces the state, atomically.
 *
 * @throws NearsourceError of the storage phase
 */
export async function writeState(dirs: DataDir, state: State): Promise<void> {
  const place = statePath(dirs);
  await refuseLink(place);
  await guardStorage(`cannot write ${place}`, async () => {
    const staged = temporaryName(dirs.tmp, "state");
    const conf = await openStateFile(dirs.tmp, path.basename(staged));
    conf.store = state;
    // conf takes a write that a full disk cut short for a whole one.
    if (!isReadable(conf)) throw new NearsourceError("DISK_FULL", `only a part of ${place} could be written`);
    await syncFile(conf.path);
    await rename(conf.path, place);
    await syncFolder(dirs.root);
  });
}

function isReadable(conf: { readonly store: State }): boolean {
  try {
    return conf.store !== undefined;
  } catch {
    return false;
  }
}

const text = v.pipe(v.string(), v.minLength(1));
const time = v.pipe(
  text,
  v.check((value) => !Number.isNaN(Date.parse(value))),
);
/** What can stand in a request's header; anything else would fail every request to that source. */
const headerValue = v.pipe(v.string(), v.regex(/^[\t\x20-\x7e\x80-\xff]*$/));
const heldTimestamp = v.object({ version: v.pipe(v.number(), v.safeInteger()), youngUntil: time });
const stateSchema = v.object({
  agentId: text,
  clockFloor: v.optional(time),
  fresh: v.object({ content: v.optional(time), settings: v.optional(time) }),
  failed: v.record(v.string(), v.pipe(v.number(), v.safeInteger())),
  rolledBack: v.optional(v.array(v.string())),
  announced: v.optional(v.pipe(v.number(), v.safeInteger())),
  verified: v.optional(time),
  verifyDue: v.optional(time),
  etags: v.record(v.string(), headerValue),
  timestamps: v.optional(
    v.object({ content: v.optional(heldTimestamp), settings: v.optional(heldTimestamp) }),
  ),
  lastRun: v.optional(
    v.object({
      started: time,
      ended: time,
      // A report is only shown again: no more of it is looked at than what is needed for that.
      report: v.looseObject({
        generation: v.pipe(v.number(), v.safeInteger()),
        bytes: v.number(),
        attempts: v.array(v.looseObject({ url: v.string(), delivered: v.array(v.string()) })),
      }),
    }),
  ),
});

async function openStateFile(cwd: string, configName: string) {
  const Conf = await loadConf();
  return new Conf<State>({ projectName: "nearsource", cwd, configName, configFileMode: 0o600 });
}

function statePath(dirs: DataDir): string {
  return path.join(dirs.root, "state.json");
}
