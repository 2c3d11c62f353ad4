import { fewLengths } from "../manyRows.ts";
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

/** The agents of secrets, by any that they have or had, by its hash. One that was retired is heard again. */
export async function findAgentsBySecrets(
  db: Db,
  hashes: readonly string[],
): Promise<Map<string, SecretHolder>> {
  const found = new Map<string, SecretHolder>();
  // Nearly all come with the one in force.
  for (const which of ["current", "next", "last"] as const) {
    const left = hashes.filter((hash) => !found.has(hash));
    if (left.length === 0) break;
    const column = COLUMNS[which];
    const rows = await db
      .selectFrom("agents")
      .select(["id", "domain", `${column} as hash`, "secret_at", "rotate_at", "created_at"])
      .where(column, "in", fewLengths(left))
      .execute();
    for (const { id, domain, hash, secret_at, rotate_at, created_at } of rows) {
      found.set(hash ?? "", { id, domain, which, givenAt: secret_at ?? created_at, askedAt: rotate_at });
    }
  }
  return found;
}

const COLUMNS = {
  current: "secret_hash",
  next: "next_secret_hash",
  last: "last_secret_hash",
} as const;

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
