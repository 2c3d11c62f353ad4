import { actorOf } from "../../api/caller.ts";
import { Problem } from "../../api/problem.ts";
import type { Caller, Role } from "../../api/roles.ts";
import type { Context } from "../../context.ts";
import { deleteApiToken, insertApiToken } from "../../store/people/tokenStore.ts";
import { type Db, transact } from "../../store/transaction.ts";
import { type By, writeAudit } from "../auditTrail.ts";
import { hashOfSecret, newId, newSecret } from "../secrets.ts";
import { refuseAdministrators } from "./grantLimits.ts";
import { checkedName, refuseTaken } from "./names.ts";

export interface NewApiToken {
  name: string;
  role: Role;
  expires?: number | null | undefined;
  /** Operations and areas; null for all that the role may. */
  scope?: string[] | null | undefined;
}

/**
 * Makes a token for a program, which is shown this once.
 *
 * @param known words that a scope may have
 * @throws Problem NOT_ALLOWED for an administrator's by a token, CONFLICT for a name that is taken, REFUSED for one
 *   that would have expired already, or is for more or longer than the token that makes it, or for what there is not
 */
export async function createApiToken(
  context: Context,
  { name: typed, role, expires = null, scope = null }: NewApiToken,
  known: ReadonlySet<string>,
  by: By,
): Promise<{ id: string; token: string }> {
  const { database, random, now } = context;
  if (expires !== null && expires <= now())
    throw new Problem("REFUSED", "expires is not in the future: give a time (ms since 1970) that is");
  const name = checkedName(typed);
  refuseAdministrators(by, role);
  refuseScope(scope, known, by);
  const [id, token] = [newId(random), newSecret(random)];
  const maker = await personOf(database.db, by.caller);
  if (maker.id === null) throw new Problem("NOT_ALLOWED", "a token is of a person: sign in");
  if (maker.tokenEnds !== null && (expires === null || expires > maker.tokenEnds))
    throw new Problem(
      "REFUSED",
      "a token makes no others that last longer than itself: give an earlier expires",
    );
  const made = { createdBy: maker.name, makerId: maker.id, createdAt: now() };
  const row = { id, name, role, ...made, expiresAt: expires, scope };
  await transact(database.db, async (tx) => {
    await refuseTaken(tx, name);
    await insertApiToken(tx, { ...row, hash: hashOfSecret(token) });
    const detail = { name, role, expires, scope };
    await writeAudit(tx, context, by, { operation: "createApiToken", subject: id, detail });
  });
  return { id, token };
}

/** Person behind a caller: of a token the one who made it, or who made the token that made it. */
export interface Person {
  /** Null for what is no person, and has none behind it. */
  id: string | null;
  name: string;
  /** When the token ends that acts for them; null for none and for one without an end. */
  tokenEnds: number | null;
}

export async function personOf(db: Db, caller: Caller): Promise<Person> {
  if (caller.kind !== "token")
    return { id: caller.kind === "user" ? caller.id : null, name: actorOf(caller), tokenEnds: null };
  const made = await db
    .selectFrom("api_tokens")
    .select(["maker_id as id", "created_by as name", "expires_at as tokenEnds"])
    .where("id", "=", caller.id)
    .executeTakeFirst();
  return made ?? { id: null, name: actorOf(caller), tokenEnds: null };
}

function refuseScope(scope: string[] | null, known: ReadonlySet<string>, { caller }: By): void {
  const unknown = scope?.find((word) => !known.has(word));
  if (unknown !== undefined) {
    const areas = [...known].filter((word) => !/[A-Z]/.test(word)).toSorted();
    throw new Problem("REFUSED", `there is no operation or area ${unknown}; areas are ${areas.join(", ")}`);
  }
  const own = caller.kind === "token" ? caller.scope : null;
  if (own === null || scope?.every((word) => own.includes(word)) === true) return;
  throw new Problem("REFUSED", `this token makes no others but of its own scope: ${own.join(", ")}`);
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
