import { isRotationDue, ROTATE_HEADER } from "../../core/fleet/secretRotation.ts";
import { DOMAIN_HEADER } from "../../core/settings/domainName.ts";
import type { Caller } from "../api/roles.ts";
import type { Context } from "../context.ts";
import { noteCopied, takeNextSecret } from "../store/fleet/secretStore.ts";
import { transact } from "../store/transaction.ts";
import { hashOfSecret } from "./secrets.ts";

/**
 * The agent of a secret. A secret that was given in place of another takes its place with the first request that comes with
 * it: until then the agent may be killed before it has written it down. Whoever comes with the one before has a copy of
 * the agent's identity.
 */
export async function agentOfSecret(
  { config, database, secrets, now }: Context,
  secret: string,
): Promise<Caller> {
  const hash = hashOfSecret(secret);
  const found = await secrets.find(hash);
  if (found === undefined) return { kind: "nobody" };
  const { id, domain, which, givenAt, askedAt } = found;
  if (which === "last") {
    await transact(database.db, (tx) => noteCopied(tx, id, now()));
    return { kind: "nobody" };
  }
  if (which === "next") await transact(database.db, (tx) => takeNextSecret(tx, id, hash, now()));
  const rotates =
    which === "current" && isRotationDue({ givenAt, askedAt }, config.agentSecrets.rotateAfter, now());
  return { kind: "agent", id, domain, rotates };
}

/** Header fields of an answer to an agent: the domain that it is in, and whether it is to fetch a new secret. */
export function headersForAgent(caller: Caller): Record<string, string> {
  if (caller.kind !== "agent") return {};
  return { [DOMAIN_HEADER]: caller.domain, ...(caller.rotates ? { [ROTATE_HEADER]: "1" } : {}) };
}
