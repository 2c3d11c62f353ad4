import type { Evidence } from "../../../core/fleet/stageVerdict.ts";
import type { Stage } from "../../../core/settings/rollout.ts";
import { countOf } from "../countOf.ts";
import type { Tables } from "../tables.ts";
import type { Db, Tx } from "../transaction.ts";

/** When a stage is halted. */
export interface StageLimits {
  /** Share of its agents that may fail: 0.05 for 5 of 100. */
  share: number;
  /** Time (ms) without a report after which an agent counts as silent; null for twice the longest pause of its schedule. */
  silence: number | null;
}

export const DEFAULT_LIMITS: StageLimits = { share: 0.05, silence: null };

/** Rollout of a component, as people set it. */
export interface StoredRollout {
  component: string;
  stages: Stage[];
  limits: StageLimits;
  pin: number | null;
  version: number;
  author: string;
  changedAt: number;
}

/** A release that was offered here. Times in ms since the epoch. */
export interface StoredRelease {
  component: string;
  release: number;
  version: string;
  /** 0 for one that was there before this server first looked. */
  seenAt: number;
  offered: boolean;
  halt: { at: number; by: string; reason: string; evidence: Evidence | null } | null;
}

export async function listRollouts(db: Db): Promise<StoredRollout[]> {
  return (await db.selectFrom("rollouts").selectAll().orderBy("component").execute()).map(toRollout);
}

export async function findRollout(db: Db, component: string): Promise<StoredRollout | undefined> {
  const found = await db
    .selectFrom("rollouts")
    .selectAll()
    .where("component", "=", component)
    .executeTakeFirst();
  return found && toRollout(found);
}

function toRollout({ stages, limits, changed_at, ...row }: Tables["rollouts"]): StoredRollout {
  return {
    ...row,
    stages: JSON.parse(stages) as Stage[],
    limits: JSON.parse(limits) as StageLimits,
    changedAt: changed_at,
  };
}

export async function putRollout(tx: Tx, rollout: StoredRollout): Promise<void> {
  const { component, pin, version, author, changedAt } = rollout;
  const values = {
    stages: JSON.stringify(rollout.stages),
    limits: JSON.stringify(rollout.limits),
    pin,
    version,
    author,
    changed_at: changedAt,
  };
  await tx
    .insertInto("rollouts")
    .values({ component, ...values })
    .onConflict((conflict) => conflict.column("component").doUpdateSet(values))
    .execute();
}

/** Releases, the newest of each component first. */
export async function listReleases(db: Db, component?: string): Promise<StoredRelease[]> {
  let query = db.selectFrom("releases").selectAll().orderBy("component").orderBy("release", "desc");
  if (component !== undefined) query = query.where("component", "=", component);
  return (await query.execute()).map(toRelease);
}

function toRelease(row: Tables["releases"]): StoredRelease {
  const { component, release, version, seen_at, offered, halted_at, halted_by, halt_reason, evidence } = row;
  const halt =
    halted_at === null
      ? null
      : {
          at: halted_at,
          by: halted_by ?? "",
          reason: halt_reason ?? "",
          evidence: evidence === null ? null : (JSON.parse(evidence) as Evidence),
        };
  return { component, release, version, seenAt: seen_at, offered: offered === 1, halt };
}

/** Releases that are offered, and halted. */
export async function countHalted(db: Db): Promise<number> {
  return await countOf(db.selectFrom("releases").where("halted_at", "is not", null).where("offered", "=", 1));
}

export async function insertRelease(tx: Tx, release: Omit<StoredRelease, "halt">): Promise<void> {
  await tx
    .insertInto("releases")
    .values({
      component: release.component,
      release: release.release,
      version: release.version,
      seen_at: release.seenAt,
      offered: release.offered ? 1 : 0,
      halted_at: null,
      halted_by: null,
      halt_reason: null,
      evidence: null,
    })
    .execute();
}

export async function noteOffered(
  tx: Tx,
  { component, release, offered }: Pick<StoredRelease, "component" | "release" | "offered">,
): Promise<void> {
  await tx
    .updateTable("releases")
    .set({ offered: offered ? 1 : 0 })
    .where("component", "=", component)
    .where("release", "=", release)
    .execute();
}

/** Writes a halt down, or lifts it with null. */
export async function setHalt(
  tx: Tx,
  { component, release, halt }: Pick<StoredRelease, "component" | "release" | "halt">,
): Promise<void> {
  await tx
    .updateTable("releases")
    .set({
      halted_at: halt?.at ?? null,
      halted_by: halt?.by ?? null,
      halt_reason: halt?.reason ?? null,
      evidence: halt === null ? null : JSON.stringify(halt.evidence ?? null),
    })
    .where("component", "=", component)
    .where("release", "=", release)
    .execute();
}
