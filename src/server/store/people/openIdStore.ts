import { countOf } from "../countOf.ts";
import { takeTurn } from "../dialect.ts";
import type { Tx } from "../transaction.ts";

/** A browser on its way to the provider and back. */
export interface OpenIdAttempt {
  stateHash: string;
  verifier: string;
  nonce: string;
  browserHash: string;
  expiresAt: number;
  /** Network that it began from, hashed. */
  place: string;
}

/** Attempts under way of one place, the oldest of which go for newer ones, and of all. */
const MOST = { ofPlace: 20, ofAll: 10_000 };

/** Notes one; false where there are too many, and it was not noted. Those whose time is over are forgotten. */
export async function putAttempt(tx: Tx, attempt: OpenIdAttempt & { now: number }): Promise<boolean> {
  const { stateHash, verifier, nonce, browserHash, expiresAt, place, now } = attempt;
  await takeTurn(tx, "open-id attempts");
  await tx.deleteFrom("open_id_attempts").where("expires_at", "<=", now).execute();
  const own = await tx
    .selectFrom("open_id_attempts")
    .select("state_hash")
    .where("place", "=", place)
    .orderBy("expires_at", "desc")
    .execute();
  const old = own.slice(MOST.ofPlace - 1).map((each) => each.state_hash);
  if (old.length > 0) await tx.deleteFrom("open_id_attempts").where("state_hash", "in", old).execute();
  if ((await countOf(tx.selectFrom("open_id_attempts"))) >= MOST.ofAll) return false;
  const row = { verifier, nonce, browser_hash: browserHash, expires_at: expiresAt, place };
  await tx
    .insertInto("open_id_attempts")
    .values({ state_hash: stateHash, ...row })
    .execute();
  return true;
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
