import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import {
  deleteOwnSession,
  deleteSessionsOf,
  listSessions,
  type OwnSession,
} from "../store/people/sessionStore.ts";
import { findUser } from "../store/people/userStore.ts";
import { transact } from "../store/transaction.ts";
import { type By, writeAudit } from "./auditTrail.ts";

/**
 * The sessions of a user that last, the one used last first.
 *
 * @throws Problem NOT_FOUND
 */
export async function sessionsOf({ database: { db }, now }: Context, userId: string): Promise<OwnSession[]> {
  if ((await findUser(db, userId)) === undefined) throw new Problem("NOT_FOUND", "no user has this id");
  return await listSessions(db, userId, now());
}

/**
 * Ends a user's sessions, or one of them.
 *
 * @throws Problem NOT_FOUND
 */
export async function endSessionsOf(
  context: Context,
  { userId, session }: { userId: string; session?: string },
  by: By,
): Promise<void> {
  await transact(context.database.db, async (tx) => {
    const user = await findUser(tx, userId);
    if (user === undefined) throw new Problem("NOT_FOUND", "no user has this id");
    if (session === undefined) await deleteSessionsOf(tx, userId, context.now());
    else if (!(await deleteOwnSession(tx, userId, session)))
      throw new Problem("NOT_FOUND", "no session of this user has this id");
    await writeAudit(tx, context, by, { operation: "endSessions", subject: user.name });
  });
}
