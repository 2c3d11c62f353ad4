import type { KeepReason } from "../../core/content/chooseRelease.ts";
import type { HeldComponent } from "../../core/report.ts";
import type { Policy } from "../../core/settings/policy.ts";
import { NearsourceError } from "../../errors.ts";
import { readState, writeState } from "../../store/state/state.ts";
import type { State } from "../../store/state/stateFormat.ts";
import { withDataDir } from "../../store/withDataDir.ts";

/** A component that is kept from its newest release. */
export interface Hold {
  /** `kind/name`. */
  component: string;
  /**
   * The release to have, for a hold of the policy; else the release put away, with all below it, until a
   * newer one appears.
   */
  release: number;
  reason: "failure" | "rollback" | "policy";
}

/** All that is held here, by this agent itself and by the policy. */
export function listHolds(
  state: Pick<State, "failed" | "rolledBack">,
  policy: Pick<Policy, "holds">,
): Hold[] {
  const own = Object.entries(state.failed).map(([component, release]): Hold => {
    const reason = state.rolledBack?.includes(component) ? "rollback" : "failure";
    return { component, release, reason };
  });
  const site = Object.entries(policy.holds).map(([component, release]): Hold => {
    return { component, release, reason: "policy" };
  });
  return [...own, ...site];
}

/** Reasons that `settings/releases.json` gives; the others are those of the policy and of this agent itself. */
const OF_STAGES: KeepReason[] = ["halted", "pinned", "held for a stage", "held until the server has seen it"];

/** Those of a report's held releases that the site's stages hold back. */
export function heldByStages(held: readonly HeldComponent[] = []): HeldComponent[] {
  return held.filter(({ reason }) => OF_STAGES.includes(reason));
}

/** Puts a release away, with all below it, until a newer one appears. */
export function holdRelease(
  state: State,
  component: string,
  release: number,
  reason: "failure" | "rollback",
): void {
  liftHold(state, component);
  state.failed[component] = release;
  if (reason === "rollback") state.rolledBack = [...(state.rolledBack ?? []), component];
}

/** Lets a component have its newest release again. */
export function liftHold(state: State, component: string): void {
  delete state.failed[component];
  state.rolledBack = state.rolledBack?.filter((each) => each !== component);
  if (state.rolledBack?.length === 0) delete state.rolledBack;
}

/**
 * Lifts the holds of this agent: of one component, by `kind/name` or by its name alone, or all.
 *
 * @returns the holds lifted
 * @throws NearsourceError USAGE when nothing of that name is held; LOCKED, storage
 */
export async function liftHolds(
  dataDir: string,
  policy: Pick<Policy, "holds">,
  component: string | undefined,
): Promise<Hold[]> {
  return await withDataDir(dataDir, {}, async (dirs) => {
    const state = await readState(dirs);
    const holds = listHolds(state, policy);
    const isMeant = (hold: Hold) =>
      component === undefined || hold.component === component || hold.component.endsWith(`/${component}`);
    const lifted = holds.filter((hold) => hold.reason !== "policy" && isMeant(hold));
    if (component !== undefined && lifted.length === 0) throw notHeld(component, holds.filter(isMeant));
    for (const hold of lifted) liftHold(state, hold.component);
    if (lifted.length > 0) await writeState(dirs, state);
    return lifted;
  });
}

function notHeld(component: string, byPolicy: Hold[]): NearsourceError {
  const [hold] = byPolicy;
  if (hold === undefined) {
    return new NearsourceError("USAGE", `${component} is not held`, {
      hint: "nearsource hold lists what is",
    });
  }
  return new NearsourceError("USAGE", `${hold.component} is held at release ${hold.release} by the policy`, {
    hint: "it is lifted there, for all agents of the domain",
  });
}
