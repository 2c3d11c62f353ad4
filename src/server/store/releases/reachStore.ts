import type { Db, Tx } from "../transaction.ts";

/** A change that one person made alone, and the share of the fleet that it reached. */
export interface Reach {
  id: string;
  personId: string;
  /** Milliseconds since the epoch. */
  at: number;
  /** Of the fleet. */
  millionths: number;
}

/** Share (millionths of the fleet, above the whole too) that a person changed alone after `since`. */
export async function reachedSince(db: Db, personId: string, since: number): Promise<number> {
  const { sum } = await db
    .selectFrom("reaches")
    .select((row) => row.fn.coalesce(row.fn.sum<number>("millionths"), row.lit(0)).as("sum"))
    .where("person_id", "=", personId)
    .where("at", ">", since)
    .executeTakeFirstOrThrow();
  return Number(sum);
}

/** Notes one, and forgets all that are not after `since`. */
export async function insertReach(
  tx: Tx,
  { id, personId, at, millionths }: Reach,
  since: number,
): Promise<void> {
  await tx.deleteFrom("reaches").where("at", "<=", since).execute();
  await tx.insertInto("reaches").values({ id, person_id: personId, at, millionths }).execute();
}

export async function deleteReach(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom("reaches").where("id", "=", id).execute();
}
