import { actorOf } from "../api/caller.ts";
import { Problem } from "../api/problem.ts";
import type { Role } from "../api/roles.ts";
import type { Context } from "../context.ts";
import { deleteApiToken, insertApiToken } from "../store/people/tokenStore.ts";
import { transact } from "../store/transaction.ts";
import { type By, writeAudit } from "./auditTrail.ts";
import { hashOfSecret, newId, newSecret } from "./secrets.ts";

/**
 * Makes a token for a program, which is shown this once.
 *
 * @throws Problem REFUSED for one that would have expired already
 */
export async function createApiToken(
  context: Context,
  { name, role, expires = null }: { name: string; role: Role; expires?: number | null | undefined },
  by: By,
): Promise<{ id: string; token: string }> {
  const { database, random, now } = context;
  if (expires !== null && expires <= now()) throw new Problem("REFUSED", "expires is not in the future");
  const [id, token] = [newId(random), newSecret(random)];
  const row = { id, name, role, createdBy: actorOf(by.caller), createdAt: now(), expiresAt: expires };
  await transact(database.db, async (tx) => {
    await insertApiToken(tx, { ...row, hash: hashOfSecret(token) });
    const detail = { name, role, expires };
    await writeAudit(tx, context, by, { operation: "createApiToken", subject: id, detail });
  });
  return { id, token };
}

/**
 * Takes a token back.
 *
 * @throws Problem NOT_FOUND
 */
export async function removeApiToken(context: Context, id: string, by: By): Promise<void> {
  await transact(context.database.db, async (tx) => {
    const name = await deleteApiToken(tx, id);
    if (name === undefined) throw new Problem("NOT_FOUND", "no token has this id");
    await writeAudit(tx, context, by, { operation: "deleteApiToken", subject: id, detail: { name } });
  });
}
