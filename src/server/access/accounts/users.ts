import { Problem } from "../../api/problem.ts";
import { type Caller, ROLES, type Role } from "../../api/roles.ts";
import type { Context } from "../../context.ts";
import { takeTurn } from "../../store/dialect.ts";
import { deleteOtherSessions, deleteSessionsOf } from "../../store/people/sessionStore.ts";
import {
  deleteUser,
  findUser,
  findUserByName,
  hasAdministrator,
  insertUser,
  setPassword,
  type User,
  updateUser,
} from "../../store/people/userStore.ts";
import { type Tx, transact } from "../../store/transaction.ts";
import { type By, writeAudit } from "../auditTrail.ts";
import { hashPassword, isPassword } from "../passwordHash.ts";
import { attemptSignIn } from "../sayLocked.ts";
import { newId } from "../secrets.ts";
import { refuseAdministrators, refuseMoreThanOwn } from "./grantLimits.ts";
import { checkedName, refuseTaken } from "./names.ts";

/**
 * Makes a user.
 *
 * @throws Problem CONFLICT, NOT_ALLOWED and REFUSED for more than the caller has
 */
export async function createUser(
  context: Context,
  { user, password, role }: { user: string; password: string; role: Role },
  by: By,
): Promise<User> {
  const { database, random, now } = context;
  refuseMoreThanOwn(by, role);
  const name = checkedName(user);
  const passwordHash = await hashPassword(password, random);
  const id = newId(random);
  await transact(database.db, async (tx) => {
    await refuseTaken(tx, name);
    await insertUser(tx, { id, name, role, passwordHash, now: now() });
    await writeAudit(tx, context, by, { operation: "createUser", subject: name, detail: { id, role } });
  });
  return (await findUser(database.db, id)) ?? unknownUser();
}

/**
 * Gives a user another role, shuts one out, or lets one in again. Whoever is shut out is signed out at once.
 *
 * @throws Problem NOT_FOUND, CONFLICT for the last administrator
 */
export async function changeUser(
  context: Context,
  id: string,
  change: { role?: Role | undefined; disabled?: boolean | undefined },
  by: By,
): Promise<User> {
  const { database, now } = context;
  return await changeKept(context, id, by, "changeUser", async (tx, before) => {
    const role = change.role ?? before.role;
    const isDisabled = change.disabled ?? before.disabledAt !== null;
    const disabledAt = isDisabled ? (before.disabledAt ?? now()) : null;
    const isBackIn = before.disabledAt !== null && !isDisabled;
    if (isBackIn || ROLES.indexOf(role) > ROLES.indexOf(before.role)) refuseMoreThanOwn(by, role);
    await updateUser(tx, id, { role, disabledAt });
    if (isDisabled) await deleteSessionsOf(tx, id, now());
    return { from: before.role, to: role, disabled: isDisabled };
  }).then(async () => (await findUser(database.db, id)) ?? unknownUser());
}

/**
 * Deletes a user, whose sessions end.
 *
 * @throws Problem NOT_FOUND, CONFLICT for the last administrator
 */
export async function removeUser(context: Context, id: string, by: By): Promise<void> {
  await changeKept(context, id, by, "deleteUser", async (tx, { role }) => {
    await deleteUser(tx, id);
    return { role };
  });
}

/** Changes a user in a transaction after which there still is an administrator. */
async function changeKept(
  context: Context,
  id: string,
  by: By,
  operation: string,
  act: (tx: Tx, before: User) => Promise<Record<string, unknown>>,
): Promise<void> {
  await transact(context.database.db, async (tx) => {
    await takeTurn(tx, "users");
    const before = (await findUser(tx, id)) ?? unknownUser();
    refuseAdministrators(by, before.role);
    const detail = { id, ...(await act(tx, before)) };
    if (!(await hasAdministrator(tx))) {
      throw new Problem("CONFLICT", `${before.name} is the last administrator: make another one first`);
    }
    await writeAudit(tx, context, by, { operation, subject: before.name, detail });
  });
}

/**
 * Changes one's own password, by the old one. All of one's other sessions end.
 *
 * @throws Problem CONFLICT for a token, TOO_MANY, REFUSED where the old one is wrong
 */
export async function changeOwnPassword(
  context: Context,
  { password, old }: { password: string; old: string },
  { caller, address }: { caller: Caller; address: string },
): Promise<void> {
  const { database, random } = context;
  if (caller.kind !== "user") throw new Problem("CONFLICT", "a token has no password");
  const succeed = await attemptSignIn(context, address, caller.name);
  const known = (await findUserByName(database.db, caller.name)) ?? unknownUser();
  if (!(await isPassword(old, known.passwordHash))) throw new Problem("REFUSED", "the old password is wrong");
  await succeed();
  const passwordHash = await hashPassword(password, random);
  await transact(database.db, async (tx) => {
    await setPassword(tx, caller.id, passwordHash);
    await deleteOtherSessions(tx, caller.id, caller.session);
    await writeAudit(tx, context, { caller, address }, { operation: "changePassword", subject: caller.name });
  });
}

function unknownUser(): never {
  throw new Problem("NOT_FOUND", "no user has this id");
}
