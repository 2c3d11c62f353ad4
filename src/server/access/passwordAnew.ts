import { randomBytes } from "node:crypto";
import { plainName } from "../../core/personName.ts";
import { NearsourceError } from "../../errors.ts";
import { readServerConfig } from "../serverConfig.ts";
import { insertCommandAudit } from "../store/auditStore.ts";
import { removeFactor } from "../store/people/factorStore.ts";
import { deleteSessionsOf } from "../store/people/sessionStore.ts";
import { listUsers, setPassword, updateUser } from "../store/people/userStore.ts";
import { transact } from "../store/transaction.ts";
import { withDatabase } from "../store/withDatabase.ts";
import { hashPassword } from "./passwordHash.ts";

/** Shortest password, as the API has it too. */
const SHORTEST = 12;

/**
 * Sets a user's password on the machine itself, lets the user in again where they were shut out, and ends
 * their sessions; where it is asked for, takes the second factor away that they have lost.
 *
 * @throws NearsourceError USAGE for a user that there is not and for a short password, CONFIG_NOT_FOUND,
 *   CONFIG_INVALID, and of the storage phase
 */
export async function setPasswordAnew(
  dir: string,
  name: string,
  password: string,
  resetFactor = false,
): Promise<void> {
  if (password.length < SHORTEST) {
    throw new NearsourceError("USAGE", `a password has at least ${SHORTEST} characters`);
  }
  const config = await readServerConfig(dir);
  await withDatabase(config, async (database) => {
    const passwordHash = await hashPassword(password, randomBytes);
    await transact(database.db, async (tx) => {
      const users = await listUsers(tx);
      const user =
        users.find((each) => each.name === name) ?? users.find((each) => each.name === plainName(name));
      if (user === undefined) throw unknownUser(name, users);
      await setPassword(tx, user.id, passwordHash);
      await updateUser(tx, user.id, { role: user.role, disabledAt: null });
      if (resetFactor) await removeFactor(tx, user.id);
      await deleteSessionsOf(tx, user.id, Date.now());
      const detail = { id: user.id, resetFactor };
      const entry = { operation: "setPassword", subject: user.name, detail };
      await insertCommandAudit(tx, "nearsource server password", { ...entry, at: Date.now() });
    });
  });
}

function unknownUser(name: string, users: { name: string; role: string }[]): NearsourceError {
  const known = users.map((each) => `${each.name} (${each.role})`).join(", ");
  return new NearsourceError("USAGE", `there is no user ${JSON.stringify(name)}`, {
    hint: known === "" ? "the set-up link makes the first one" : `there are: ${known}`,
  });
}
