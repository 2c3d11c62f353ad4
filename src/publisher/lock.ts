import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { NearsourceError } from "../errors.ts";

const SQLITE_BUSY = 5;

/**
 * Runs `work` as the only publisher that uses the keys in `folder`. The lock is an exclusive
 * transaction on an empty SQLite file: the operating system frees it when its holder dies, however it
 * dies, so there is never a stale lock to break.
 *
 * @throws NearsourceError LOCKED when another publisher is at work; STORAGE_UNWRITABLE
 */
export async function withLock<Result>(folder: string, work: () => Promise<Result>): Promise<Result> {
  const file = path.join(folder, "lock");
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: 0 });
    // Nothing is ever written, so the journal need not appear beside the keys.
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (error) {
    database?.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) {
      throw new NearsourceError("LOCKED", `another publisher is at work with the keys in ${folder}`, {
        hint: "run the command again when the other one is done",
      });
    }
    throw new NearsourceError("STORAGE_UNWRITABLE", `cannot lock ${file}`, {
      cause: error,
      hint: "the keys folder must be writable for the account that publishes",
    });
  }
  try {
    return await work();
  } finally {
    database.close();
  }
}
