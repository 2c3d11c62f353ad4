import type { Db, Tx } from "../transaction.ts";

/** Failures one after the other, and when the last of them was. */
export interface Failures {
  count: number;
  last: number;
  /** Whether it was said that guesses have to wait: 0 or 1. */
  said: number;
}

export async function failuresOf(db: Db, key: string): Promise<Failures | undefined> {
  return await db
    .selectFrom("sign_in_failures")
    .select(["count", "last_at as last", "said"])
    .where("key", "=", key)
    .executeTakeFirst();
}

/** Adds one failure; those that ended before `since` are forgotten. */
export async function countFailure(tx: Tx, key: string, now: number, since: number): Promise<void> {
  await tx
    .insertInto("sign_in_failures")
    .values({ key, count: 1, last_at: now, said: 0 })
    .onConflict((conflict) =>
      conflict.column("key").doUpdateSet((row) => ({
        count: row
          .case()
          .when("sign_in_failures.last_at", "<=", since)
          .then(1)
          .else(row("sign_in_failures.count", "+", 1))
          .end(),
        said: row
          .case()
          .when("sign_in_failures.last_at", "<=", since)
          .then(0)
          .else(row.ref("sign_in_failures.said"))
          .end(),
        last_at: now,
      })),
    )
    .execute();
}

export async function noteSaid(tx: Tx, key: string): Promise<void> {
  await tx.updateTable("sign_in_failures").set({ said: 1 }).where("key", "=", key).execute();
}

export async function forgetFailures(tx: Tx, key: string): Promise<void> {
  await tx.deleteFrom("sign_in_failures").where("key", "=", key).execute();
}

/** Takes one failure back, of a time after which there may have been others; `before` is that of the one before. */
export async function takeBack(
  tx: Tx,
  key: string,
  { at, before = at }: { at: number; before?: number | undefined },
): Promise<void> {
  await tx
    .updateTable("sign_in_failures")
    .set((row) => ({
      count: row("count", "-", 1),
      last_at: row.case().when("last_at", "=", at).then(before).else(row.ref("last_at")).end(),
    }))
    .where("key", "=", key)
    .execute();
  await tx.deleteFrom("sign_in_failures").where("key", "=", key).where("count", "<=", 0).execute();
}

/** Forgets what nobody waits for any more. */
export async function dropOldFailures(tx: Tx, before: number): Promise<void> {
  await tx.deleteFrom("sign_in_failures").where("last_at", "<=", before).execute();
}
