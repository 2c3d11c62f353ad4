import { actorOf } from "../api/caller.ts";
import type { Caller } from "../api/roles.ts";
import type { Context } from "../context.ts";
import { insertAudit } from "../store/auditStore.ts";
import type { Tx } from "../store/transaction.ts";

/** Author of a change, and the address it came from. */
export interface By {
  caller: Caller;
  /** Of the connection. */
  address: string;
}

/** Writes down what was changed, in the transaction that changes it. */
export async function writeAudit(
  tx: Tx,
  { now }: Pick<Context, "now">,
  { caller, address }: By,
  entry: { operation: string; subject: string; detail?: unknown },
): Promise<void> {
  const { operation, subject, detail = null } = entry;
  await insertAudit(tx, { at: now(), actor: actorOf(caller), address, operation, subject, detail });
}
