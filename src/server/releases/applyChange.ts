import type { By } from "../access/auditTrail.ts";
import { actorOf } from "../api/caller.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { refuseChanged, saveChange } from "../settings/saveDocument.ts";
import {
  findRollout,
  listReleases,
  putRollout,
  type StoredRollout,
  setHalt,
} from "../store/releases/releaseStore.ts";
import type { Db, Tx } from "../store/transaction.ts";
import { raiseEvent } from "../watch/raiseEvent.ts";
import type { Also } from "./approval.ts";
import { releasesToPublish } from "./releasesDocument.ts";
import { type RolloutChange, type RolloutState, withChange } from "./rolloutChange.ts";

const OPERATIONS = {
  stages: "changeRollout",
  halt: "haltRelease",
  resume: "resumeRelease",
  pin: "rollBackRelease",
} as const;

export interface ApplyOptions {
  /** The version that it is a change of; undefined for whatever it is. */
  from?: number | undefined;
  /** Share of the fleet that it reaches, for the record. */
  reach?: number;
  also?: Also;
}

/**
 * Carries a change out.
 *
 * @throws Problem as `changeRollout`
 */
export async function applyChange(
  context: Context,
  component: string,
  change: RolloutChange,
  by: By,
  { from, reach = 0, also }: ApplyOptions = {},
): Promise<StoredRollout> {
  const note = change.action === "halt" ? change.reason : "";
  const saved = { ...by, operation: OPERATIONS[change.action], subject: component, note, effect: { reach } };
  let after: RolloutState | undefined;
  await saveChange(context, saved, async (tx) => {
    const before = await stateOf(tx, component);
    refuseChanged(before.rollout, from);
    after = withChange(before, change, { author: actorOf(by.caller), at: context.now() });
    await writeState(tx, before, after);
    await sayChange(tx, context, before, change);
    const more = await also?.(tx);
    const written = after;
    const undo = async (again: Tx) => {
      await writeState(again, written, before);
      await more?.undo?.(again);
    };
    return { documents: await releasesToPublish(tx), detail: { change, ...more?.detail }, undo };
  });
  return after?.rollout ?? unknownComponent(component);
}

/** Raises an event for each release that is halted, or goes on. */
async function sayChange(
  tx: Tx,
  context: Context,
  { rollout, releases }: RolloutState,
  change: RolloutChange,
) {
  const { component } = rollout;
  if (change.action === "halt") {
    const { release, reason, evidence } = change;
    const message = `release ${release} of ${component} is halted${reason === "" ? "" : `: ${reason}`}`;
    const detail = { component, release, ...(evidence === undefined ? {} : { evidence }) };
    await raiseEvent(tx, context, {
      type: "release.halted",
      subject: `${component} ${release}`,
      message,
      detail,
    });
  }
  if (change.action !== "resume") return;
  for (const { release, halt } of releases) {
    if (halt === null || (change.release !== null && change.release !== release)) continue;
    const message = `release ${release} of ${component} goes on`;
    const detail = { component, release };
    await raiseEvent(tx, context, {
      type: "release.resumed",
      subject: `${component} ${release}`,
      message,
      detail,
    });
  }
}

/** @throws Problem NOT_FOUND */
export async function stateOf(db: Db, component: string): Promise<RolloutState> {
  const rollout = (await findRollout(db, component)) ?? unknownComponent(component);
  return { rollout, releases: await listReleases(db, component) };
}

async function writeState(tx: Tx, before: RolloutState, after: RolloutState): Promise<void> {
  await putRollout(tx, after.rollout);
  for (const [index, each] of after.releases.entries()) {
    if (each.halt !== before.releases[index]?.halt) await setHalt(tx, each);
  }
}

function unknownComponent(component: string): never {
  throw new Problem(
    "NOT_FOUND",
    `no release of ${component} was ever offered here: GET /releases lists what was`,
  );
}
