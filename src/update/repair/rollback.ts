import type { Config } from "../../config/configSchema.ts";
import type { Log } from "../../config/log.ts";
import { NearsourceError } from "../../errors.ts";
import type { DataDir } from "../../store/dataDir.ts";
import {
  type Generation,
  listGenerations,
  readCurrent,
  readGeneration,
  switchTo,
} from "../../store/generations/generations.ts";
import { openState, writeState } from "../../store/state/state.ts";
import type { State } from "../../store/state/stateFormat.ts";
import { withDataDir } from "../../store/withDataDir.ts";
import { runHook } from "../hook.ts";
import { type Hold, holdRelease, liftHold, listHolds } from "../settings/holds.ts";
import { findDamage } from "./damage.ts";

/** A change from one generation to another. */
export interface Rollback {
  from: Generation;
  to: Generation;
  /** The present holds of this agent. */
  held: Hold[];
}

/**
 * Goes back to the generation before the current one, or to `to`. The releases left behind are held, so that
 * the next run does not bring them straight back; a newer release lifts the hold.
 *
 * @throws NearsourceError GENERATION_NOT_FOUND, STORE_DAMAGED, HOOK_FAILED, INTERRUPTED, LOCKED, storage
 */
export async function rollback(
  config: Config,
  log: Log,
  to?: number,
  signal?: AbortSignal,
): Promise<Rollback> {
  return await withDataDir(config.dataDir, {}, async (dirs) => {
    const from = await readCurrent(dirs);
    if (from === undefined) {
      throw new NearsourceError("GENERATION_NOT_FOUND", "nothing is installed", {
        hint: "nearsource update installs",
      });
    }
    const target = await targetOf(dirs, from, to);
    const before = await openState(dirs, (message) => log.warn(message));
    const state = structuredClone(before);
    // First, so that a run after a kill does not bring straight back the releases to be left.
    holdWhatIsLeft(state, from, target);
    await writeState(dirs, state);
    await switchTo(dirs, target.generation);
    const failure = await runHook({ config, dirs, log, signal }, target.generation);
    if (failure !== undefined) {
      await switchTo(dirs, from.generation);
      await writeState(dirs, before);
      throw failure;
    }
    liftWhatIsBack(state, target);
    state.announced = target.generation;
    await writeState(dirs, state);
    return { from, to: target, held: listHolds(state, { holds: {} }) };
  });
}

/** The generation to go back to, every file of which is whole. */
async function targetOf(dirs: DataDir, from: Generation, to: number | undefined): Promise<Generation> {
  const numbers = await listGenerations(dirs);
  const number = to ?? numbers.find((each) => each < from.generation);
  const target = number === undefined ? undefined : await readGeneration(dirs, number);
  if (target === undefined) throw notFound(number, numbers);
  const { damage } = await findDamage(dirs, target);
  if (damage.length === 0) return target;
  throw new NearsourceError("STORE_DAMAGED", `generation ${number} is damaged: ${damage[0]?.component}`);
}

function notFound(number: number | undefined, numbers: number[]): NearsourceError {
  const what = number === undefined ? "there is no earlier generation" : `there is no generation ${number}`;
  return new NearsourceError("GENERATION_NOT_FOUND", what, {
    hint: `kept are: ${numbers.join(", ") || "none"}`,
  });
}

function holdWhatIsLeft(state: State, from: Generation, to: Generation): void {
  for (const { kind, name, release } of from.components) {
    const target = to.components.find((each) => each.kind === kind && each.name === name);
    if (target === undefined || target.release < release)
      holdRelease(state, `${kind}/${name}`, release, "rollback");
  }
}

function liftWhatIsBack(state: State, to: Generation): void {
  for (const { kind, name, release } of to.components) {
    if ((state.failed[`${kind}/${name}`] ?? 0) <= release) liftHold(state, `${kind}/${name}`);
  }
}
