import { type By, writeAudit } from "../access/auditTrail.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { transact } from "../store/transaction.ts";
import type { MirrorState } from "./mirrorState.ts";

/**
 * Begins to look for newer content, for a person who asks for it.
 *
 * @throws Problem CONFLICT where there is nothing to mirror
 */
export async function refreshMirror(context: Context, by: By): Promise<MirrorState> {
  await writeLook(context, by, "refreshMirror");
  void context.mirror.refresh();
  return context.mirror.state();
}

/**
 * The same, and has all that is here read through and mended.
 *
 * @throws Problem CONFLICT where there is nothing to mirror
 */
export async function verifyMirror(context: Context, by: By): Promise<MirrorState> {
  await writeLook(context, by, "verifyMirror");
  void context.mirror.verify();
  return context.mirror.state();
}

async function writeLook(context: Context, by: By, operation: string): Promise<void> {
  const { mirror, database } = context;
  const { source } = mirror.state();
  if (source === null) {
    throw new Problem(
      "CONFLICT",
      'server.json names no "activeUpdate", or no "roots.content" to verify it by: say both there, and start the server again',
    );
  }
  await transact(database.db, (tx) => writeAudit(tx, context, by, { operation, subject: source }));
}
