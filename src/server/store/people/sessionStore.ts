import type { Role } from "../../api/roles.ts";
import type { Db, Tx } from "../transaction.ts";
import { say } from "../wakeUps.ts";

/** Streams that a session has open end with it, at whichever server. */
async function sayEnded(tx: Tx): Promise<void> {
  await say(tx, "changed", ["sessions"]);
}

/** User of a session, and its end. */
export interface SessionOfUser {
  userId: string;
  name: string;
  role: Role;
  /** Of ours, or of the provider by whom the user signs in. */
  hasFactor: boolean;
  createdAt: number;
  seenAt: number;
  expiresAt: number;
}

export async function insertSession(
  tx: Tx,
  session: { idHash: string; userId: string; now: number; expiresAt: number; address: string; agent: string },
): Promise<void> {
  const { idHash, userId, now, expiresAt, address, agent } = session;
  await tx
    .insertInto("sessions")
    .values({
      id_hash: idHash,
      user_id: userId,
      created_at: now,
      seen_at: now,
      expires_at: expiresAt,
      address,
      agent,
    })
    .execute();
}

/** The session of that hash, while it lasts and its user may sign in. */
export async function findSession(db: Db, idHash: string, now: number): Promise<SessionOfUser | undefined> {
  const found = await db
    .selectFrom("sessions")
    .innerJoin("users", "users.id", "sessions.user_id")
    .select([
      "users.id as userId",
      "users.name as name",
      "users.role as role",
      "users.factor_at as factorAt",
      "users.open_id as openId",
      "sessions.created_at as createdAt",
      "sessions.seen_at as seenAt",
      "sessions.expires_at as expiresAt",
    ])
    .where("sessions.id_hash", "=", idHash)
    .where("sessions.expires_at", ">", now)
    .where("users.disabled_at", "is", null)
    .executeTakeFirst();
  if (found === undefined) return undefined;
  const { factorAt, openId, role, ...rest } = found;
  return { ...rest, role: role as Role, hasFactor: factorAt !== null || openId !== null };
}

/** Prolongs a session that is used. */
export async function touchSession(db: Db, idHash: string, seenAt: number, expiresAt: number): Promise<void> {
  await db
    .updateTable("sessions")
    .set({ seen_at: seenAt, expires_at: expiresAt })
    .where("id_hash", "=", idHash)
    .execute();
}

export async function deleteSession(tx: Tx, idHash: string): Promise<void> {
  await tx.deleteFrom("sessions").where("id_hash", "=", idHash).execute();
  await sayEnded(tx);
}

/** Ends all sessions of a user, and what has run out of anybody's. */
export async function deleteSessionsOf(tx: Tx, userId: string, now: number): Promise<void> {
  await tx
    .deleteFrom("sessions")
    .where((where) => where.or([where("user_id", "=", userId), where("expires_at", "<=", now)]))
    .execute();
  await sayEnded(tx);
}

/** A session as its user sees it. */
export interface OwnSession {
  /** The hash of its secret. */
  id: string;
  createdAt: number;
  seenAt: number;
  expiresAt: number;
  address: string;
  agent: string;
}

/** A user's sessions that last, the one used last first. */
export async function listSessions(db: Db, userId: string, now: number): Promise<OwnSession[]> {
  return await db
    .selectFrom("sessions")
    .select([
      "id_hash as id",
      "created_at as createdAt",
      "seen_at as seenAt",
      "expires_at as expiresAt",
      "address",
      "agent",
    ])
    .where("user_id", "=", userId)
    .where("expires_at", ">", now)
    .orderBy("seen_at", "desc")
    .execute();
}

/** Ends one session of a user; false where there is none. */
export async function deleteOwnSession(tx: Tx, userId: string, id: string): Promise<boolean> {
  const { numDeletedRows } = await tx
    .deleteFrom("sessions")
    .where("user_id", "=", userId)
    .where("id_hash", "=", id)
    .executeTakeFirst();
  await sayEnded(tx);
  return numDeletedRows > 0n;
}

/** Ends all sessions of a user but one. */
export async function deleteOtherSessions(tx: Tx, userId: string, kept: string): Promise<void> {
  await tx.deleteFrom("sessions").where("user_id", "=", userId).where("id_hash", "!=", kept).execute();
  await sayEnded(tx);
}
