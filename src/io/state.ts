import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import path from "node:path";
import * as v from "valibot";
import type { Report } from "../core/report.ts";
import { type DataDir, guardStorage, refuseLink, syncFolder } from "./files.ts";

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
  /** ETag of the trusted timestamp, by repository, version and source: `content 7 http://ua:21112`. */
  etags: Record<string, string>;
  lastRun?: LastRun;
}

export interface LastRun {
  started: string;
  ended: string;
  report: Report;
}

/** The state on disk, or a new one. A damaged file counts as none. */
export async function readState(dirs: DataDir): Promise<State> {
  const fresh: State = { agentId: randomUUID(), fresh: {}, failed: {}, etags: {} };
  if (!existsSync(statePath(dirs))) return fresh;
  return (await readStored(dirs)) ?? fresh;
}

async function readStored(dirs: DataDir): Promise<State | undefined> {
  try {
    const conf = await openStateFile(dirs, false);
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
  await guardStorage(`cannot write ${statePath(dirs)}`, async () => {
    const conf = await openStateFile(dirs, true);
    conf.store = state;
    await syncFolder(dirs.root);
  });
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

/** @param replaces whether a damaged file may give way; reading leaves it as it is */
async function openStateFile(dirs: DataDir, replaces: boolean) {
  // conf follows a symbolic link to where it points, which would be a write outside the data directory.
  await refuseLink(statePath(dirs));
  const { default: Conf } = await import("conf");
  return new Conf<State>({
    projectName: "nearsource",
    cwd: dirs.root,
    configName: "state",
    configFileMode: 0o600,
    clearInvalidConfig: replaces,
  });
}

function statePath(dirs: DataDir): string {
  return path.join(dirs.root, "state.json");
}
