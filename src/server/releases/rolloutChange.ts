import * as v from "valibot";
import { findFaults, placeOf } from "../../core/document.ts";
import { reachOfStages, shareOf } from "../../core/fleet/rolloutReach.ts";
import type { Evidence } from "../../core/fleet/stageVerdict.ts";
import { rolloutSchema, type Stage } from "../../core/settings/rollout.ts";
import { Problem } from "../api/problem.ts";
import { countDomains, countReleases } from "../store/releases/componentStore.ts";
import {
  listReleases,
  type StageLimits,
  type StoredRelease,
  type StoredRollout,
} from "../store/releases/releaseStore.ts";
import type { Db } from "../store/transaction.ts";

/** A change of how the releases of a component reach the fleet. */
export type RolloutChange =
  | { action: "stages"; stages: Stage[]; limits: StageLimits }
  | { action: "halt"; release: number; reason: string; evidence?: Evidence }
  /** Lifts the halt of a release, or all of them and the pin. */
  | { action: "resume"; release: number | null }
  | { action: "pin"; release: number };

/** A component's rollout and releases, before and after a change. */
export interface RolloutState {
  rollout: StoredRollout;
  releases: StoredRelease[];
}

/**
 * The state after a change.
 *
 * @throws Problem REFUSED for what agents would not go by, CONFLICT for what is so already
 */
export function withChange(
  { rollout, releases }: RolloutState,
  change: RolloutChange,
  { author, at }: { author: string; at: number },
): RolloutState {
  const next = { ...rollout, version: rollout.version + 1, author, changedAt: at };
  switch (change.action) {
    case "stages":
      return { rollout: { ...next, stages: change.stages, limits: change.limits }, releases };
    case "halt": {
      const { release, reason, evidence = null } = change;
      const found = known(releases, release);
      if (found.halt !== null) throw new Problem("CONFLICT", `release ${release} is halted already`);
      if (rollout.pin === release) {
        throw new Problem("CONFLICT", `release ${release} is pinned: resume, or pin another one first`);
      }
      const halt = { at, by: author, reason, evidence };
      return { rollout: next, releases: replaced(releases, release, (each) => ({ ...each, halt })) };
    }
    case "resume": {
      const isMeant = ({ release, halt }: StoredRelease) =>
        halt !== null && (change.release === null || change.release === release);
      const lifts = releases.some(isMeant) || (change.release === null && rollout.pin !== null);
      if (!lifts) throw new Problem("CONFLICT", "nothing of it is halted or pinned");
      const pin = change.release === null ? null : rollout.pin;
      const lifted = releases.map((each) => (isMeant(each) ? { ...each, halt: null } : each));
      return { rollout: { ...next, pin }, releases: lifted };
    }
    case "pin": {
      const found = known(releases, change.release);
      if (!found.offered) {
        throw new Problem(
          "REFUSED",
          `release ${change.release} is no longer offered, so nobody could get it`,
        );
      }
      if (found.halt !== null)
        throw new Problem(
          "REFUSED",
          `release ${change.release} is halted: resume it first, or pin another one`,
        );
      if (rollout.pin === change.release) {
        throw new Problem("CONFLICT", `release ${change.release} is pinned already`);
      }
      return { rollout: { ...next, pin: change.release }, releases };
    }
  }
}

function replaced(
  releases: StoredRelease[],
  release: number,
  by: (each: StoredRelease) => StoredRelease,
): StoredRelease[] {
  return releases.map((each) => (each.release === release ? by(each) : each));
}

function known(releases: StoredRelease[], release: number): StoredRelease {
  const found = releases.find((each) => each.release === release);
  if (found === undefined)
    throw new Problem(
      "REFUSED",
      `release ${release} was never offered here: the component's page, GET /releases/<component>, lists those that were`,
    );
  return found;
}

/** @throws Problem REFUSED for stages that agents would refuse, or for domains that there are not */
export async function checkStages(db: Db, stages: readonly Stage[]): Promise<void> {
  const errors = findFaults(v.pick(rolloutSchema, ["stages"]), { stages }).map(({ path, error }) => ({
    field: placeOf(path),
    message: error.message.replace(/^[^ ]*: /, ""),
  }));
  const domains = new Set((await db.selectFrom("domains").select("name").execute()).map(({ name }) => name));
  for (const [index, stage] of stages.entries()) {
    const lost = stage.domains?.find((name) => !domains.has(name));
    if (lost === undefined) continue;
    errors.push({
      field: `stages[${index}].domains`,
      message: `there is no domain ${lost}: make it first (POST /domains), or take it out of the stage`,
    });
  }
  if (errors.length > 0) throw new Problem("REFUSED", "agents would not go by these stages", { errors });
}

/** Share of the fleet, from 0 to 1, that a change gives another release, or a release sooner. */
export async function reachOf(
  db: Db,
  before: RolloutState,
  change: RolloutChange,
  now: number,
): Promise<number> {
  if (change.action === "halt") return 0;
  const domains = await countDomains(db, now);
  const { component } = before.rollout;
  if (change.action === "stages") return reachOfStages(before.rollout.stages, change.stages, domains);
  const releases = change.action === "resume" ? before.releases : await listReleases(db, component);
  const newest = releases.find(({ offered }) => offered)?.release;
  const goal = change.action === "pin" ? change.release : newest;
  const counts = await countReleases(db, component);
  const moved = counts.filter(({ release }) => release !== goal).reduce((sum, { agents }) => sum + agents, 0);
  return shareOf(moved, domains);
}
