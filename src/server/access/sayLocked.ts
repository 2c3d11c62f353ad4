import { explainError } from "../../errors.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { transact } from "../store/transaction.ts";
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
  const { wait, locked, succeed } = await countAttempt(context, address, name);
  if (wait === 0) return succeed;
  for (const what of locked) await sayLocked(context, what, address);
  const retryAfter = Math.ceil(wait / 1_000);
  throw new Problem("TOO_MANY", `too many failures to sign in: try again in ${retryAfter} s`, { retryAfter });
}

/** It does not fail: whoever guesses is refused in any case. */
async function sayLocked(context: Context, { name, place }: Locked, address: string): Promise<void> {
  const { database, log } = context;
  try {
    // Some people type their password where their name belongs: only names that there are go out.
    const user = name === undefined ? undefined : await userCalled(database.db, name);
    const who = name === undefined ? place : user === undefined ? "an unknown user" : `user ${user.name}`;
    const message = `too many failures to sign in: guesses at ${who} have to wait`;
    await transact(database.db, async (tx) => {
      await raiseEvent(tx, context, { type: "sign_in.locked", subject: who, message, detail: { address } });
    });
  } catch (error) {
    log.error(`an event could not be raised: ${explainError(error)}`);
  }
}
