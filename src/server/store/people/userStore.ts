import type { Role } from "../../api/roles.ts";
import type { Db, Tx } from "../transaction.ts";

export interface User {
  id: string;
  name: string;
  role: Role;
  createdAt: number;
  disabledAt: number | null;
  /** When a second factor was confirmed; null for none. */
  factorAt: number | null;
  /** Issuer and subject, of one who comes by OpenID Connect. */
  openId: string | null;
}

const COLUMNS = [
  "id",
  "name",
  "role",
  "created_at as createdAt",
  "disabled_at as disabledAt",
  "factor_at as factorAt",
  "open_id as openId",
] as const;

/** Whether there is anybody who can administer, also while the OpenID provider cannot be reached. */
export async function hasAdministrator(db: Db): Promise<boolean> {
  const found = await db
    .selectFrom("users")
    .select("id")
    .where("role", "=", "administrator")
    .where("disabled_at", "is", null)
    .where("open_id", "is", null)
    .limit(1)
    .executeTakeFirst();
  return found !== undefined;
}

export async function insertUser(
  tx: Tx,
  user: { id: string; name: string; role: Role; passwordHash: string; openId?: string; now: number },
): Promise<void> {
  const { id, name, role, passwordHash, openId = null, now } = user;
  await tx
    .insertInto("users")
    .values({
      id,
      name,
      role,
      password_hash: passwordHash,
      created_at: now,
      disabled_at: null,
      open_id: openId,
    })
    .execute();
}

/** A user who may sign in, with the hash of the password. */
export async function findUserByName(
  db: Db,
  name: string,
): Promise<(User & { passwordHash: string }) | undefined> {
  const found = await db
    .selectFrom("users")
    .select([...COLUMNS, "password_hash as passwordHash"])
    .where("name", "=", name)
    .where("disabled_at", "is", null)
    .executeTakeFirst();
  return found as (User & { passwordHash: string }) | undefined;
}

export async function findUserByOpenId(db: Db, openId: string): Promise<User | undefined> {
  const found = await db.selectFrom("users").select(COLUMNS).where("open_id", "=", openId).executeTakeFirst();
  return found as User | undefined;
}

export async function setRole(tx: Tx, id: string, role: Role): Promise<void> {
  await tx.updateTable("users").set({ role }).where("id", "=", id).execute();
}

export async function setPassword(tx: Tx, id: string, passwordHash: string): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable("users")
    .set({ password_hash: passwordHash })
    .where("id", "=", id)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** All users, by name. */
export async function listUsers(db: Db): Promise<User[]> {
  return (await db.selectFrom("users").select(COLUMNS).orderBy("name").execute()) as User[];
}

export async function findUser(db: Db, id: string): Promise<User | undefined> {
  const found = await db.selectFrom("users").select(COLUMNS).where("id", "=", id).executeTakeFirst();
  return found as User | undefined;
}

export async function updateUser(
  tx: Tx,
  id: string,
  { role, disabledAt }: Pick<User, "role" | "disabledAt">,
): Promise<void> {
  await tx.updateTable("users").set({ role, disabled_at: disabledAt }).where("id", "=", id).execute();
}

export async function deleteUser(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom("users").where("id", "=", id).execute();
}
