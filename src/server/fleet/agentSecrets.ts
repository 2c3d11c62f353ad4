import { type By, writeAudit } from "../access/auditTrail.ts";
import { hashOfSecret, newSecret } from "../access/secrets.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { findAgent } from "../store/fleet/agentStore.ts";
import { askForRotation, revokeSecret, setNextSecret } from "../store/fleet/secretStore.ts";
import { transact } from "../store/transaction.ts";

/** Gives an agent another secret; the one before is good until this one was used. */
export async function renewSecret({ database, random }: Context, id: string): Promise<{ secret: string }> {
  const secret = newSecret(random);
  await transact(database.db, (tx) => setNextSecret(tx, id, hashOfSecret(secret)));
  return { secret };
}

/**
 * Takes an agent's secret back: nothing is taken from it or told to it until it was enrolled again, with a token.
 *
 * @throws Problem NOT_FOUND
 */
export async function revokeAgent(context: Context, id: string, by: By): Promise<void> {
  await transact(context.database.db, async (tx) => {
    if (!(await revokeSecret(tx, id, context.now()))) throw new Problem("NOT_FOUND", "no agent has this id");
    const detail = { name: (await findAgent(tx, id))?.name };
    await writeAudit(tx, context, by, { operation: "revokeAgent", subject: id, detail });
  });
}

/**
 * Has an agent fetch another secret, with the answer to its next report or poll.
 *
 * @throws Problem NOT_FOUND, CONFLICT for one whose secret was taken back
 */
export async function rotateAgent(context: Context, id: string, by: By): Promise<void> {
  await transact(context.database.db, async (tx) => {
    const found = await askForRotation(tx, id, context.now());
    if (found === undefined) throw new Problem("NOT_FOUND", "no agent has this id");
    if (found === "revoked") throw new Problem("CONFLICT", "its secret was taken back: enrol it again");
    const detail = { name: (await findAgent(tx, id))?.name };
    await writeAudit(tx, context, by, { operation: "rotateAgent", subject: id, detail });
  });
}
