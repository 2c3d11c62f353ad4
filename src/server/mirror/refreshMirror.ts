import { type By, writeAudit } from "../access/auditTrail.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { transact } from "../store/transaction.ts";
import type { MirrorState } from "./contentMirror.ts";

/**
 * Begins to look for newer content, for a person who asks for it.
 *
 * @throws Problem CONFLICT where there is nothing to mirror
 */
export async function refreshMirror(context: Context, by: By): Promise<MirrorState> {
  const { mirror, database } = context;
  const { source } = mirror.state();
  if (source === null) {
    throw new Problem(
      "CONFLICT",
      'server.json names no "activeUpdate", or no "roots.content" to verify it by',
    );
  }
  await transact(database.db, (tx) =>
    writeAudit(tx, context, by, { operation: "refreshMirror", subject: source }),
  );
  void mirror.refresh();
  return mirror.state();
}
