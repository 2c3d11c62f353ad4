import { explainError } from "../../errors.ts";
import type { Context } from "../context.ts";
import { findUserByName } from "../store/people/userStore.ts";
import { transact } from "../store/transaction.ts";
import { raiseEvent } from "../watch/raiseEvent.ts";

/**
 * Begins an attempt to sign in, and raises an event where guesses at a name or from an address now have to wait.
 *
 * @returns to be called when it has succeeded
 * @throws Problem TOO_MANY
 */
export async function attemptSignIn(context: Context, address: string, name?: string): Promise<() => void> {
  try {
    return context.signIns.attempt(address, name);
  } catch (error) {
    for (const what of context.signIns.takeLocked()) await sayLocked(context, what, address);
    throw error;
  }
}

/** It does not fail: whoever guesses is refused in any case. */
async function sayLocked(
  context: Context,
  { name, place }: { name: string | undefined; place: string },
  address: string,
): Promise<void> {
  const { database, log } = context;
  try {
    // Some people type their password where their name belongs: only names that there are go out.
    const user = name === undefined ? undefined : await findUserByName(database.db, name);
    const who = name === undefined ? place : user === undefined ? "an unknown user" : `user ${user.name}`;
    const message = `too many failures to sign in: guesses at ${who} have to wait`;
    await transact(database.db, async (tx) => {
      await raiseEvent(tx, context, { type: "sign_in.locked", subject: who, message, detail: { address } });
    });
  } catch (error) {
    log.error(`an event could not be raised: ${explainError(error)}`);
  }
}
