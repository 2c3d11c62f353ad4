import { isAlone, stayAwake, takeTurn } from "./dialect.ts";
import { type Db, type Tx, transact } from "./transaction.ts";

/** Work of this process that waits for its turn, by database and subject. */
const waiting = new WeakMap<Db, Map<string, Promise<unknown>>>();

/**
 * Runs `prepare`, then `keep` in a transaction, as the only server of the database that does so for `subject`.
 * The turn of one that is killed ends at once; of one that hangs, after 15 s, and then nothing of its work is
 * kept: what is to be seen belongs into `keep`, or after it.
 *
 * @param prepare takes its time; it has to use the database that it is given
 */
export async function asOnlyServer<Prepared, Result>(
  db: Db,
  subject: string,
  prepare: (db: Db) => Promise<Prepared>,
  keep: (tx: Tx, prepared: Prepared) => Promise<Result>,
): Promise<Result> {
  // Those of this process wait here, and so for one connection.
  return await inLine(db, subject, async () => {
    if (isAlone(db)) {
      const prepared = await prepare(db);
      return await transact(db, (tx) => keep(tx, prepared));
    }
    return await transact(db, async (tx) => {
      await takeTurn(tx, subject);
      const sleep = stayAwake(tx);
      const prepared = await prepare(tx).finally(sleep);
      return await keep(tx, prepared);
    });
  });
}

async function inLine<Result>(db: Db, subject: string, work: () => Promise<Result>): Promise<Result> {
  const lines = waiting.get(db) ?? new Map<string, Promise<unknown>>();
  waiting.set(db, lines);
  const before = lines.get(subject) ?? Promise.resolve();
  const own = before.then(work, work);
  const last = own.then(
    () => {},
    () => {},
  );
  lines.set(subject, last);
  try {
    return await own;
  } finally {
    if (lines.get(subject) === last) lines.delete(subject);
  }
}
