import type { Db, Tx } from "../transaction.ts";

/** Ids of suggestions that were dismissed since a time. */
export async function dismissedSince(db: Db, time: number): Promise<Set<string>> {
  const rows = await db
    .selectFrom("suggestions")
    .select("id")
    .where("answer", "=", "dismissed")
    .where("answered_at", ">=", time)
    .execute();
  return new Set(rows.map(({ id }) => id));
}

/** Writes down what somebody answered to a suggestion. */
export async function putAnswer(
  tx: Tx,
  { id, answer, author, at }: { id: string; answer: "accepted" | "dismissed"; author: string; at: number },
): Promise<void> {
  const row = { answer, author, answered_at: at };
  await tx
    .insertInto("suggestions")
    .values({ id, ...row })
    .onConflict((conflict) => conflict.column("id").doUpdateSet(row))
    .execute();
}
