import { lstatSync } from "node:fs";
import path from "node:path";
import { isDeepStrictEqual } from "node:util";
import { REPOSITORIES, type Repository } from "../../core/content/layout.ts";
import { isSuccess } from "../../core/report.ts";
import { NearsourceError } from "../../errors.ts";
import { loadConf } from "../conf.ts";
import type { DataDir } from "../dataDir.ts";
import {
  listFolder,
  readIfThere,
  refuseLink,
  remove,
  rename,
  syncFile,
  syncFolder,
  temporaryName,
} from "../durable.ts";
import { guardStorage } from "../storageErrors.ts";
import { openIdentity, readIdentity } from "./identity.ts";
import { touch, touchedAt } from "./markers.ts";
import { type LastFailure, parseState, type State } from "./stateFormat.ts";

/**
 * The state on disk, or a new one. A damaged file counts as none; the agent's id is in another one too.
 *
 * @throws NearsourceError of the storage phase when there is one that cannot be read
 */
export async function readState(dirs: DataDir): Promise<State> {
  await refuseLink(statePath(dirs));
  const stored = parseState(await readIfThere(statePath(dirs)));
  if (stored === undefined) {
    return { agentId: (await readIdentity(dirs))?.id ?? "", fresh: {}, failed: {}, etags: {} };
  }
  confirm(stored, touchedAt(dirs.root, "confirmed"));
  return stored;
}

/** Moves the last run, and its record of freshness, to the time when it was last confirmed. */
function confirm(state: State, at: Date | undefined): void {
  const { lastRun, fresh } = state;
  if (lastRun === undefined || at === undefined || at <= new Date(lastRun.ended)) return;
  for (const repository of REPOSITORIES) {
    const confirmed = fresh[repository];
    const byLastRun = confirmed !== undefined && Date.parse(confirmed) >= Date.parse(lastRun.started) - 5_000;
    if (byLastRun) fresh[repository] = at.toISOString();
  }
  state.lastRun = { ...lastRun, started: at.toISOString(), ended: at.toISOString() };
  if (isSuccess(lastRun.report)) state.lastSuccess = at.toISOString();
}

/** Time of the last run that got all it wanted; for a state without that field, by its last run. */
export function lastSuccessOf({ lastSuccess, lastRun }: State): string | undefined {
  return lastSuccess ?? (lastRun !== undefined && isSuccess(lastRun.report) ? lastRun.ended : undefined);
}

/**
 * Time when a source last confirmed that the timestamp held is the newest; null when none has. For one that
 * was fetched since the state was written, as during a run, it is the time of its folder.
 *
 * @param held its version, and the folder of its trusted set
 */
export function confirmedAt(
  { fresh, timestamps }: Pick<State, "fresh" | "timestamps">,
  repository: Repository,
  held: { version: number; folder: string },
): string | null {
  const known = fresh[repository] ?? null;
  if (timestamps?.[repository]?.version === held.version) return known;
  const placed = lstatSync(held.folder, { throwIfNoEntry: false })?.mtime.toISOString() ?? null;
  return known !== null && placed !== null && known > placed ? known : (placed ?? known);
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

/** A state without its times and durations, for comparison. */
function withoutTimes({ lastRun, lastSuccess: _, fresh, ...rest }: State): object {
  const attempts = lastRun?.report.attempts.map(
    ({ ms, dnsMs, connectMs, firstByteMs, transferMs, ...attempt }) => attempt,
  );
  return JSON.parse(
    JSON.stringify({ ...rest, fresh: Object.keys(fresh), report: { ...lastRun?.report, attempts } }),
  );
}

/**
 * The state for a run. A new agent's id is written down before it is used, so that it stays the same however
 * its first run ends. A damaged file is kept aside.
 *
 * @param onLoss called with the loss that a damaged file means, in words for people
 * @throws NearsourceError of the storage phase
 */
export async function openState(dirs: DataDir, onLoss: (message: string) => void = () => {}): Promise<State> {
  const isNew = parseState(await readIfThere(statePath(dirs))) === undefined;
  const lost = isNew ? await lossOf(dirs) : undefined;
  const state = await readState(dirs);
  state.agentId = await openIdentity(dirs, state.agentId === "" ? undefined : state.agentId);
  if (!isNew) return state;
  const place = statePath(dirs);
  if (lost?.isDamaged) await guardStorage(`cannot move ${place}`, () => rename(place, damagedState(dirs)));
  await writeState(dirs, state);
  const aside = lost?.isDamaged ? `; the damaged file is kept as ${damagedState(dirs)}` : "";
  if (lost !== undefined) onLoss(`${lost.message}${aside}`);
  return state;
}

/** Path where a damaged state is kept. */
export function damagedState(dirs: DataDir): string {
  return `${statePath(dirs)}.damaged`;
}

/**
 * The loss that a damaged state means, or one that is missing where runs have been before; undefined where
 * nothing was lost.
 *
 * @throws NearsourceError of the storage phase when there is one that cannot be read
 */
export async function lossOf(dirs: DataDir): Promise<{ isDamaged: boolean; message: string } | undefined> {
  const place = statePath(dirs);
  const bytes = await readIfThere(place);
  if (parseState(bytes) !== undefined) return undefined;
  if (bytes === undefined && !(await hasBeenUsed(dirs))) return undefined;
  const id =
    (await readIdentity(dirs)) === undefined
      ? "; so is this agent's id: as an Update Agent, it has to be granted the role anew"
      : ", while this agent keeps its id";
  const message = `${place} is ${bytes === undefined ? "missing" : "damaged"}: what it held back after a failure or a rollback, and how the last runs ended, is lost${id}`;
  return { isDamaged: bytes !== undefined, message };
}

/** The state is written before anything is learnt or installed. */
async function hasBeenUsed(dirs: DataDir): Promise<boolean> {
  const names = [...(await listFolder(dirs.metadata)), ...(await listFolder(dirs.generations))];
  return names.length > 0;
}

/**
 * Notes how a run ended that has no report. Nothing else of the state changes, and a disk that does not
 * take it changes nothing about how the run ended.
 */
export async function noteFailure(dirs: DataDir, lastFailure: LastFailure): Promise<void> {
  try {
    const state = await readState(dirs);
    if (state.agentId !== "") await writeState(dirs, { ...state, lastFailure });
  } catch {
    // The error that ended the run is the one to report.
  }
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
    // Earlier versions noted the configuration there; where it cannot go, it does no harm.
    await remove(path.join(dirs.root, "config.checked")).catch(() => {});
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

async function openStateFile(cwd: string, configName: string) {
  const Conf = await loadConf();
  return new Conf<State>({ projectName: "nearsource", cwd, configName, configFileMode: 0o600 });
}

function statePath(dirs: DataDir): string {
  return path.join(dirs.root, "state.json");
}
