import { countOf } from "../countOf.ts";
import type { Db, Tx } from "../transaction.ts";

/** The second factor of a user. */
export interface Factor {
  /** Encrypted; null for a user without. */
  secret: string | null;
  /** When it was confirmed; null while it was begun and no more. */
  confirmedAt: number | null;
}

export async function factorOf(db: Db, userId: string): Promise<Factor> {
  const found = await db
    .selectFrom("users")
    .select(["factor_secret as secret", "factor_at as confirmedAt"])
    .where("id", "=", userId)
    .executeTakeFirst();
  return found ?? { secret: null, confirmedAt: null };
}

/** Begins another second factor, where none is in force; false where one is. */
export async function beginFactor(tx: Tx, userId: string, secret: string): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable("users")
    .set({ factor_secret: secret, factor_step: null })
    .where("id", "=", userId)
    .where("factor_at", "is", null)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

export async function confirmFactor(
  tx: Tx,
  userId: string,
  now: number,
  codeHashes: string[],
): Promise<void> {
  await tx.updateTable("users").set({ factor_at: now }).where("id", "=", userId).execute();
  await tx.deleteFrom("recovery_codes").where("user_id", "=", userId).execute();
  const rows = codeHashes.map((code_hash) => ({ user_id: userId, code_hash }));
  await tx.insertInto("recovery_codes").values(rows).execute();
}

/** Takes the code of a step; false where that or a later one was taken already. */
export async function takeStep(tx: Tx, userId: string, step: number): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable("users")
    .set({ factor_step: step })
    .where("id", "=", userId)
    .where((where) => where.or([where("factor_step", "is", null), where("factor_step", "<", step)]))
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Takes a recovery code, which is gone then. */
export async function takeRecoveryCode(tx: Tx, userId: string, codeHash: string): Promise<boolean> {
  const { numDeletedRows } = await tx
    .deleteFrom("recovery_codes")
    .where("user_id", "=", userId)
    .where("code_hash", "=", codeHash)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

export async function countRecoveryCodes(db: Db, userId: string): Promise<number> {
  return await countOf(db.selectFrom("recovery_codes").where("user_id", "=", userId));
}

export async function removeFactor(tx: Tx, userId: string): Promise<void> {
  const none = { factor_secret: null, factor_at: null, factor_step: null };
  await tx.updateTable("users").set(none).where("id", "=", userId).execute();
  await tx.deleteFrom("recovery_codes").where("user_id", "=", userId).execute();
}
