import type { Db, Tx } from "../transaction.ts";

/** An agent as its secret names it. */
export interface SecretHolder {
  id: string;
  domain: string;
  /** It is the one in force, the one that was given last and not used yet, or the one before. */
  which: "current" | "next" | "last";
  givenAt: number;
  askedAt: number | null;
}

/** The agent of a secret, by any that it has or had. One that was retired is heard again. */
export async function findAgentBySecret(db: Db, hash: string): Promise<SecretHolder | undefined> {
  const found = await db
    .selectFrom("agents")
    .select(["id", "domain", "secret_hash", "next_secret_hash", "secret_at", "rotate_at", "created_at"])
    .where((where) =>
      where.or([
        where("secret_hash", "=", hash),
        where("next_secret_hash", "=", hash),
        where("last_secret_hash", "=", hash),
      ]),
    )
    .executeTakeFirst();
  if (found === undefined) return undefined;
  const { id, domain, secret_hash, next_secret_hash, secret_at, rotate_at, created_at } = found;
  const which = secret_hash === hash ? "current" : next_secret_hash === hash ? "next" : "last";
  return { id, domain, which, givenAt: secret_at ?? created_at, askedAt: rotate_at };
}

export async function setNextSecret(tx: Tx, id: string, hash: string): Promise<void> {
  await tx.updateTable("agents").set({ next_secret_hash: hash }).where("id", "=", id).execute();
}

/** The next secret becomes the one in force, if it still is the next. */
export async function takeNextSecret(tx: Tx, id: string, hash: string, now: number): Promise<void> {
  await tx
    .updateTable("agents")
    .set((row) => ({
      last_secret_hash: row.ref("secret_hash"),
      secret_hash: hash,
      next_secret_hash: null,
      secret_at: now,
      rotate_at: null,
    }))
    .where("id", "=", id)
    .where("next_secret_hash", "=", hash)
    .execute();
}

/** Leaves an agent without a secret; false where there is no such agent. */
export async function revokeSecret(tx: Tx, id: string, now: number): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable("agents")
    // No hash of a secret looks like this.
    .set({
      secret_hash: `revoked ${id}`,
      next_secret_hash: null,
      last_secret_hash: null,
      rotate_at: null,
      revoked_at: now,
    })
    .where("id", "=", id)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** @returns undefined where there is no such agent */
export async function askForRotation(
  tx: Tx,
  id: string,
  now: number,
): Promise<"asked" | "revoked" | undefined> {
  const found = await tx.selectFrom("agents").select("revoked_at").where("id", "=", id).executeTakeFirst();
  if (found === undefined) return undefined;
  if (found.revoked_at !== null) return "revoked";
  await tx.updateTable("agents").set({ rotate_at: now }).where("id", "=", id).execute();
  return "asked";
}

/** Two machines have this agent's identity. */
export async function noteCopied(tx: Tx, id: string, now: number): Promise<void> {
  await tx.updateTable("agents").set({ doubled_at: now }).where("id", "=", id).execute();
}
