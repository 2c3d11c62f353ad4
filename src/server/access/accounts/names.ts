import { faultOfName, likenessOf, plainName } from "../../../core/personName.ts";
import { Problem } from "../../api/problem.ts";
import { takeTurn } from "../../store/dialect.ts";
import { findUserByName, type User } from "../../store/people/userStore.ts";
import type { Db, Tx } from "../../store/transaction.ts";

/**
 * A name as it is kept of a user or a token. Those from before this rule stay as they are.
 *
 * @throws Problem REFUSED
 */
export function checkedName(typed: string): string {
  const name = plainName(typed);
  const fault = faultOfName(name);
  if (fault === undefined) return name;
  throw new Problem("REFUSED", `the name ${fault}`, { errors: [{ field: "name", message: fault }] });
}

/** Whether a user or a token has a name already that people would take for this one. Names are given one at a time. */
export async function isTaken(tx: Tx, name: string): Promise<boolean> {
  await takeTurn(tx, "users");
  const likeness = likenessOf(name);
  const users = await tx.selectFrom("users").select("name").execute();
  const tokens = await tx.selectFrom("api_tokens").select("name").execute();
  return [...users, ...tokens].some((each) => likenessOf(each.name) === likeness);
}

/** @throws Problem CONFLICT */
export async function refuseTaken(tx: Tx, name: string): Promise<void> {
  if (!(await isTaken(tx, name))) return;
  throw new Problem(
    "CONFLICT",
    `there is a user or a token that is called ${name} or looks so: take another name`,
  );
}

/** A user who may sign in, by the name as it was typed: as it stands, else as it would be kept. */
export async function userCalled(
  db: Db,
  typed: string,
): Promise<(User & { passwordHash: string }) | undefined> {
  return (await findUserByName(db, typed)) ?? (await findUserByName(db, plainName(typed)));
}
