import type { FastifyRequest } from "fastify";
import { agentOfSecret } from "../access/agentBearer.ts";
import { hashOfSecret } from "../access/secrets.ts";
import { callerOfSession } from "../access/sessions.ts";
import type { Context } from "../context.ts";
import type { Actor } from "../store/auditStore.ts";
import { findApiToken, noteApiTokenUse } from "../store/people/tokenStore.ts";
import type { Caller } from "./roles.ts";

/** A use of an API token is written down when it is this much (ms) newer than the last that was. */
const NOTE_AFTER = 60_000;

/** Sides of a server: browsers and scripts, or agents. */
export type Side = "console" | "agents";

/**
 * Caller of a request, by its head alone: a bearer token counts before a cookie. Agents come to their own side, with
 * their secrets and nothing else; people and programs to theirs.
 */
export async function callerOf(context: Context, side: Side, request: FastifyRequest): Promise<Caller> {
  const { db } = context.database;
  const [, bearer] = /^Bearer ([A-Za-z0-9_-]{20,200})$/.exec(request.headers.authorization ?? "") ?? [];
  if (side === "agents")
    return bearer === undefined ? { kind: "nobody" } : await agentOfSecret(context, bearer);
  if (bearer !== undefined) {
    const hash = hashOfSecret(bearer);
    const now = context.now();
    const token = await findApiToken(db, hash, now);
    if (token !== undefined) {
      const { id, name, role, scope, usedAt } = token;
      if (now - (usedAt ?? 0) > NOTE_AFTER) await noteApiTokenUse(db, id, now);
      return { kind: "token", id, name, role, scope };
    }
    return { kind: "nobody" };
  }
  const cookie = request.cookies[context.cookies.session];
  return cookie === undefined ? { kind: "nobody" } : await callerOfSession(context, cookie);
}

/** A caller as audit entries have it. */
export function identityOf(caller: Caller): Actor {
  const actorId = "id" in caller ? caller.id : null;
  return { actor: actorOf(caller), actorKind: caller.kind, actorId };
}

/** Name of a caller, to be shown: others may have the same. */
export function actorOf(caller: Caller): string {
  return caller.kind === "user" || caller.kind === "token" ? caller.name : caller.kind;
}
