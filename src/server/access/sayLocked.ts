import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import type { Tx } from "../store/transaction.ts";
import { raiseEvent } from "../watch/raiseEvent.ts";
import { userCalled } from "./accounts/names.ts";
import { countAttempt, type Locked } from "./signInLimit.ts";

/**
 * Begins an attempt to sign in, and raises an event where guesses at a name or from an address now have to wait.
 *
 * @returns to be called when it has succeeded
 * @throws Problem TOO_MANY
 */
export async function attemptSignIn(
  context: Context,
  address: string,
  name?: string,
): Promise<() => Promise<void>> {
  const say = (tx: Tx, what: Locked) => sayLocked(tx, context, what, address);
  const { wait, succeed } = await countAttempt(context, address, name, say);
  if (wait === 0) return succeed;
  const retryAfter = Math.ceil(wait / 1_000);
  throw new Problem("TOO_MANY", `too many failures to sign in: try again in ${retryAfter} s`, { retryAfter });
}

async function sayLocked(tx: Tx, context: Context, { name, place }: Locked, address: string): Promise<void> {
  // Some people type their password where their name belongs: only names that there are go out.
  const user = name === undefined ? undefined : await userCalled(tx, name);
  const who = name === undefined ? place : user === undefined ? "an unknown user" : `user ${user.name}`;
  const message = `too many failures to sign in: guesses at ${who} have to wait`;
  await raiseEvent(tx, context, { type: "sign_in.locked", subject: who, message, detail: { address } });
}
