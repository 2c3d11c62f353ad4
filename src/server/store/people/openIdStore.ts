import type { Tx } from "../transaction.ts";

/** A browser on its way to the provider and back. */
export interface OpenIdAttempt {
  stateHash: string;
  verifier: string;
  nonce: string;
  browserHash: string;
  expiresAt: number;
}

export async function putAttempt(tx: Tx, attempt: OpenIdAttempt & { now: number }): Promise<void> {
  const { stateHash, verifier, nonce, browserHash, expiresAt, now } = attempt;
  await tx.deleteFrom("open_id_attempts").where("expires_at", "<=", now).execute();
  const row = { verifier, nonce, browser_hash: browserHash, expires_at: expiresAt };
  await tx
    .insertInto("open_id_attempts")
    .values({ state_hash: stateHash, ...row })
    .execute();
}

/** Takes an attempt, which can be answered once. */
export async function takeAttempt(
  tx: Tx,
  stateHash: string,
  now: number,
): Promise<Pick<OpenIdAttempt, "verifier" | "nonce" | "browserHash"> | undefined> {
  return await tx
    .deleteFrom("open_id_attempts")
    .where("state_hash", "=", stateHash)
    .where("expires_at", ">", now)
    .returning(["verifier", "nonce", "browser_hash as browserHash"])
    .executeTakeFirst();
}
