import type { Caller } from "../api/roles.ts";
import type { Context } from "../context.ts";
import { findSession, touchSession } from "../store/people/sessionStore.ts";
import { isTokenValid } from "../store/people/tokenStore.ts";
import { hashOfSecret } from "./secrets.ts";

/** Whether a caller who was admitted has not been signed out, shut out, or lost the token since. */
export async function isStillIn({ database: { db }, now }: Context, caller: Caller): Promise<boolean> {
  if (caller.kind === "user") return (await findSession(db, caller.session, now())) !== undefined;
  return caller.kind === "token" && (await isTokenValid(db, caller.id, now()));
}

/** A use is written down when it is this much (ms) newer than the last that was. */
const TOUCH_AFTER = 60_000;

/** The user of a session; nobody where there is none, or it has ended. */
export async function callerOfSession({ config, database, now }: Context, cookie: string): Promise<Caller> {
  const idHash = hashOfSecret(cookie);
  const at = now();
  const found = await findSession(database.db, idHash, at);
  if (found === undefined) return { kind: "nobody" };
  const { idle, longest } = config.sessions;
  if (at >= found.createdAt + longest) return { kind: "nobody" };
  const ends = Math.min(at + idle, found.createdAt + longest);
  if (at - found.seenAt > TOUCH_AFTER) await touchSession(database.db, idHash, at, ends);
  const { userId, name, role, hasFactor } = found;
  const lacksFactor = !hasFactor && config.requireSecondFactor.includes(role);
  return { kind: "user", id: userId, name, role, session: idHash, lacksFactor };
}
