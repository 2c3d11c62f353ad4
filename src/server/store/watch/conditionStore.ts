import type { ConditionKind, HeldCondition } from "../../../core/fleet/watch/watchedConditions.ts";
import type { Db, Tx } from "../transaction.ts";

/** Conditions that held at the last look. */
export async function heldConditions(db: Db): Promise<(HeldCondition & { since: number })[]> {
  const rows = await db.selectFrom("conditions").selectAll().orderBy("kind").orderBy("subject").execute();
  return rows.map(({ kind, subject, since, raised_at, message, detail }) => ({
    kind: kind as ConditionKind,
    subject,
    message,
    detail: JSON.parse(detail) as Record<string, unknown>,
    raisedAt: raised_at,
    since,
  }));
}

/** Writes down that a condition holds, and was said now. */
export async function keepCondition(tx: Tx, held: HeldCondition): Promise<void> {
  const { kind, subject, message, raisedAt } = held;
  const said = { raised_at: raisedAt, message, detail: JSON.stringify(held.detail) };
  await tx
    .insertInto("conditions")
    .values({ kind, subject, since: raisedAt, ...said })
    .onConflict((conflict) => conflict.columns(["kind", "subject"]).doUpdateSet(said))
    .execute();
}

export async function dropCondition(
  tx: Tx,
  { kind, subject }: Pick<HeldCondition, "kind" | "subject">,
): Promise<void> {
  await tx.deleteFrom("conditions").where("kind", "=", kind).where("subject", "=", subject).execute();
}
