import { ROLES, type Role } from "../../api/roles.ts";
import type { Db, Tx } from "../transaction.ts";

/**
 * The holder of an API token, while it lasts: not beyond its end, nor the shutting out of whoever made it, nor with
 * more than the role that they have now. One without a maker opens nothing: nobody could stop it by stopping them.
 */
export async function findApiToken(
  db: Db,
  hash: string,
  now: number,
): Promise<Pick<ApiToken, "id" | "name" | "role" | "scope" | "usedAt"> | undefined> {
  const found = await lastingTokens(db, now)
    .select(["api_tokens.id as id", "api_tokens.name as name", "api_tokens.role as role"])
    .select(["scope", "used_at as usedAt", "users.role as makerRole"])
    .where("token_hash", "=", hash)
    .executeTakeFirst();
  if (found === undefined) return undefined;
  const { makerRole, ...token } = found;
  const role = lowerRole(found.role as Role, makerRole as Role);
  return { ...token, role, scope: scopeOf(found.scope) };
}

/** Whether an API token is there, and lasts. */
export async function isTokenValid(db: Db, id: string, now: number): Promise<boolean> {
  const found = await lastingTokens(db, now)
    .select("api_tokens.id")
    .where("api_tokens.id", "=", id)
    .executeTakeFirst();
  return found !== undefined;
}

function lastingTokens(db: Db, now: number) {
  return db
    .selectFrom("api_tokens")
    .innerJoin("users", "users.id", "maker_id")
    .where((where) => where.or([where("expires_at", "is", null), where("expires_at", ">", now)]))
    .where("users.disabled_at", "is", null);
}

function lowerRole(one: Role, other: Role): Role {
  return ROLES.indexOf(one) < ROLES.indexOf(other) ? one : other;
}

/** An API token as lists show it. */
export interface ApiToken {
  id: string;
  name: string;
  role: Role;
  createdBy: string;
  createdAt: number;
  expiresAt: number | null;
  usedAt: number | null;
  /** Reason for which it opens nothing; null for one that works. */
  stopped: "maker unknown" | "maker deleted" | "maker shut out" | "expired" | null;
  /** Operations and areas that it is for; null for all that its role may. */
  scope: string[] | null;
}

function scopeOf(text: string | null): string[] | null {
  return text === null ? null : (JSON.parse(text) as string[]);
}

export async function listApiTokens(db: Db, now: number): Promise<ApiToken[]> {
  const rows = await db
    .selectFrom("api_tokens")
    .leftJoin("users", "users.id", "maker_id")
    .select(["api_tokens.id as id", "api_tokens.name as name", "api_tokens.role as role"])
    .select(["created_by as createdBy", "api_tokens.created_at as createdAt"])
    .select(["expires_at as expiresAt", "used_at as usedAt", "scope"])
    .select(["maker_id as makerId", "users.id as userId", "users.disabled_at as disabledAt"])
    .orderBy("api_tokens.created_at", "desc")
    .execute();
  return rows.map(({ makerId, userId, disabledAt, ...row }) => {
    const stopped = stoppedBy({ makerId, userId, disabledAt, expiresAt: row.expiresAt }, now);
    return { ...row, role: row.role as Role, scope: scopeOf(row.scope), stopped };
  });
}

function stoppedBy(
  token: {
    makerId: string | null;
    userId: string | null;
    disabledAt: number | null;
    expiresAt: number | null;
  },
  now: number,
): ApiToken["stopped"] {
  if (token.makerId === null) return "maker unknown";
  if (token.userId === null) return "maker deleted";
  if (token.disabledAt !== null) return "maker shut out";
  return token.expiresAt !== null && token.expiresAt <= now ? "expired" : null;
}

export async function insertApiToken(
  tx: Tx,
  token: Omit<ApiToken, "usedAt" | "stopped"> & { hash: string; makerId: string },
): Promise<void> {
  const { id, name, role, hash, makerId, createdBy, createdAt, expiresAt, scope } = token;
  await tx
    .insertInto("api_tokens")
    .values({
      id,
      name,
      role,
      token_hash: hash,
      created_by: createdBy,
      maker_id: makerId,
      created_at: createdAt,
      expires_at: expiresAt,
      used_at: null,
      scope: scope && JSON.stringify(scope),
    })
    .execute();
}

export async function noteApiTokenUse(db: Db, id: string, at: number): Promise<void> {
  await db.updateTable("api_tokens").set({ used_at: at }).where("id", "=", id).execute();
}

/** @returns the name of the token that was there */
export async function deleteApiToken(tx: Tx, id: string): Promise<string | undefined> {
  const deleted = await tx.deleteFrom("api_tokens").where("id", "=", id).returning("name").executeTakeFirst();
  return deleted?.name;
}

/** An enrolment token as lists show it. */
export interface EnrolmentToken {
  id: string;
  /** Number of agents that it enrols; null for any. */
  uses: number | null;
  used: number;
  domain: string;
  createdBy: string;
  createdAt: number;
  expiresAt: number | null;
}

export async function insertEnrolmentToken(
  tx: Tx,
  token: Omit<EnrolmentToken, "used"> & { hash: string },
): Promise<void> {
  await tx
    .insertInto("enrolment_tokens")
    .values({
      id: token.id,
      token_hash: token.hash,
      uses: token.uses,
      used: 0,
      domain: token.domain,
      created_by: token.createdBy,
      created_at: token.createdAt,
      expires_at: token.expiresAt,
    })
    .execute();
}

export async function listEnrolmentTokens(db: Db): Promise<EnrolmentToken[]> {
  return await db
    .selectFrom("enrolment_tokens")
    .select([
      "id",
      "uses",
      "used",
      "domain",
      "created_by as createdBy",
      "created_at as createdAt",
      "expires_at as expiresAt",
    ])
    .orderBy("created_at", "desc")
    .orderBy("id")
    .execute();
}

/** @returns the domain that it was for; undefined where there is none */
export async function deleteEnrolmentToken(tx: Tx, id: string): Promise<string | undefined> {
  const found = tx.deleteFrom("enrolment_tokens").where("id", "=", id).returning("domain");
  return (await found.executeTakeFirst())?.domain;
}

/** Takes one use of a token, and says for which domain; undefined where it has none left or has expired. */
export async function useEnrolmentToken(tx: Tx, hash: string, now: number): Promise<string | undefined> {
  const taken = await tx
    .updateTable("enrolment_tokens")
    .set((row) => ({ used: row("used", "+", 1) }))
    .where("token_hash", "=", hash)
    .where((where) => where.or([where("uses", "is", null), where("used", "<", where.ref("uses"))]))
    .where((where) => where.or([where("expires_at", "is", null), where("expires_at", ">", now)]))
    .returning("domain")
    .executeTakeFirst();
  return taken?.domain;
}
