import type { By } from "../access/auditTrail.ts";
import { actorOf } from "../api/caller.ts";
import type { Context } from "../context.ts";
import { refuseChanged } from "../settings/saveDocument.ts";
import type { Proposal } from "../store/releases/proposalStore.ts";
import type { StoredRollout } from "../store/releases/releaseStore.ts";
import { applyChange, stateOf } from "./applyChange.ts";
import { madeAlone, needsSecond, propose } from "./approval.ts";
import { checkStages, type RolloutChange, reachOf, withChange } from "./rolloutChange.ts";

/** The result of a change: the rollout as it is now, and the proposal where a second person has to agree. */
export interface ChangedRollout {
  rollout: StoredRollout;
  proposal: Proposal | null;
}

/**
 * Changes how the releases of a component reach the fleet: saved, signed and published; or, where it reaches more
 * of the fleet than one person may, with what the same person changed of late, put before a second one.
 *
 * @param from the version that it is a change of; undefined for whatever it is
 * @throws Problem NOT_FOUND, CHANGED_MEANWHILE, REFUSED, CONFLICT, UNAVAILABLE
 */
export async function changeRollout(
  context: Context,
  component: string,
  change: RolloutChange,
  by: By,
  from?: number,
): Promise<ChangedRollout> {
  const { db } = context.database;
  if (change.action === "stages") await checkStages(db, change.stages);
  const before = await stateOf(db, component);
  refuseChanged(before.rollout, from);
  // Refused before anybody is asked to approve it.
  withChange(before, change, { author: actorOf(by.caller), at: context.now() });
  const reach = await reachOf(db, before, change, context.now());
  if (await needsSecond(context, db, by, reach)) {
    const { version } = before.rollout;
    const proposal = await propose(context, { subject: component, version }, { change, reach }, by);
    return { rollout: before.rollout, proposal };
  }
  const also = madeAlone(context, by, reach);
  return {
    rollout: await applyChange(context, component, change, by, { from, reach, also }),
    proposal: null,
  };
}
