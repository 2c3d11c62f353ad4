import type { Kysely, Transaction } from "kysely";
import type { Tables } from "./tables.ts";

/** Reading and writing, in or out of a transaction. */
export type Db = Kysely<Tables>;
/** Writing that needs a transaction says so by its type. */
export type Tx = Transaction<Tables>;

/**
 * Runs `work` in a transaction. What is to be seen outside of the database (files, wake-ups, events) is
 * passed to `afterCommit`, and happens only once the commit has.
 */
export async function transact<Result>(
  db: Db,
  work: (tx: Tx, afterCommit: (act: () => void) => void) => Promise<Result>,
): Promise<Result> {
  const acts: (() => void)[] = [];
  const result = await db.transaction().execute((tx) => work(tx, (act) => acts.push(act)));
  for (const act of acts) act();
  return result;
}
