import type { Kysely, Transaction } from "kysely";
import type { Tables } from "./tables.ts";

/** Reading and writing, in or out of a transaction. */
export type Db = Kysely<Tables>;
/** Writing that needs a transaction says so by its type. */
export type Tx = Transaction<Tables>;

/** Transactions under way: what follows the commit of each, and the database that it is of. */
const underWay = new WeakMap<Tx, { db: Db; acts: (() => void)[] }>();

/** The database that a transaction is of; `db` itself where it is none. */
export function databaseOf(db: Db): Db {
  return underWay.get(db as Tx)?.db ?? db;
}

/** Has `act` follow the commit of a transaction; at once where `db` is none. */
export function afterCommit(db: Db, act: () => void): void {
  const acts = underWay.get(db as Tx)?.acts;
  if (acts === undefined) act();
  else acts.push(act);
}

/**
 * Runs `work` in a transaction. What is to be seen outside of the database (files, wake-ups, events) is
 * passed to `afterCommit`, and happens only once the commit has.
 */
export async function transact<Result>(
  db: Db,
  work: (tx: Tx, afterCommit: (act: () => void) => void) => Promise<Result>,
): Promise<Result> {
  const acts: (() => void)[] = [];
  const result = await db.transaction().execute((tx) => {
    underWay.set(tx, { db, acts });
    return work(tx, (act) => acts.push(act));
  });
  for (const act of acts) act();
  return result;
}
