import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import path from "node:path";
import * as v from "valibot";
import type { Report } from "../core/report.ts";
import { NearsourceError } from "../errors.ts";
import {
  type DataDir,
  guardStorage,
  refuseLink,
  rename,
  syncFile,
  syncFolder,
  temporaryName,
} from "./files.ts";

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
  /** The generation that the hook was told of last, and was content with. */
  announced?: number;
  /** ETag of the trusted timestamp, by repository, version and source: `content 7 http://ua:21112`. */
  etags: Record<string, string>;
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
  if (!existsSync(statePath(dirs))) return fresh;
  return (await guardStorage(`cannot read ${statePath(dirs)}`, () => readStored(dirs))) ?? fresh;
}

async function readStored(dirs: DataDir): Promise<State | undefined> {
  try {
    // conf follows a symbolic link to where it points.
    await refuseLink(statePath(dirs));
    const conf = await openStateFile(dirs.root, "state");
    const stored = v.safeParse(stateSchema, conf.store);
    return stored.success ? (stored.output as unknown as State) : undefined;
  } catch (error) {
    // conf's own word for a file that is no JSON; what the file system says is for the caller.
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
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
const stateSchema = v.object({
  agentId: text,
  clockFloor: v.optional(time),
  fresh: v.object({ content: v.optional(time), settings: v.optional(time) }),
  failed: v.record(v.string(), v.pipe(v.number(), v.safeInteger())),
  announced: v.optional(v.pipe(v.number(), v.safeInteger())),
  etags: v.record(v.string(), headerValue),
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
  const { default: Conf } = await import("conf");
  return new Conf<State>({ projectName: "nearsource", cwd, configName, configFileMode: 0o600 });
}

function statePath(dirs: DataDir): string {
  return path.join(dirs.root, "state.json");
}
