import { promises as fs } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { NearsourceError } from "../../errors.ts";
import { refuseLink } from "../../store/durable.ts";
import { codeOf } from "../../store/storageErrors.ts";
import type { Location } from "./location.ts";
import { exists, temporaryIn } from "./placeFile.ts";

const SQLITE_BUSY = 5;
/** Interval (ms) at which a publisher that waits for another one looks again. */
const POLL = 250;

/**
 * Runs `work` as the only publisher of a repository, whichever keys the others use, and as the only one
 * that uses these keys, whichever web root the others write. The repository's folder must be there.
 *
 * @param wait waits for as long as another publisher takes
 * @throws NearsourceError LOCKED when another publisher is at work; STORAGE_UNWRITABLE
 */
export async function withLocks<Result>(
  location: Location,
  wait: boolean,
  work: () => Promise<Result>,
): Promise<Result> {
  // The dot marks it as no part of the publication.
  return withLock(path.join(location.folder, ".lock"), wait, () => {
    return withLock(path.join(location.keys, "lock"), wait, work);
  });
}

/**
 * Runs `work` with the lock `file` held: an exclusive transaction on an empty SQLite file. The operating
 * system frees it when its holder dies, however it dies, so there is never a stale lock to break.
 *
 * @throws NearsourceError LOCKED, STORAGE_UNWRITABLE, STORAGE_UNSAFE
 */
export async function withLock<Result>(
  file: string,
  wait: boolean,
  work: () => Promise<Result>,
): Promise<Result> {
  await refuseLink(file);
  if (!(await exists(file))) await makeLockFile(file);
  let database = tryLock(file);
  for (; database === undefined && wait; database = tryLock(file)) await sleep(POLL);
  if (database === undefined) {
    throw new NearsourceError("LOCKED", `another publisher is at work in ${path.dirname(file)}`, {
      hint: "run the command again when the other one is done, or wait for it with --wait",
    });
  }
  try {
    return await work();
  } finally {
    database.close();
  }
}

function tryLock(file: string): DatabaseSync | undefined {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(file, { timeout: 0 });
    // Nothing is ever written, so the journal need not appear beside the file.
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database?.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined;
    throw new NearsourceError("STORAGE_UNWRITABLE", `cannot lock ${file}`, {
      cause: error,
      hint: "web root and keys folder must be writable for the account that publishes",
    });
  }
}

/**
 * Makes the lock file with its mode from its first moment on: an account that can open it can hold it for
 * ever. Accounts that may write in the folder may publish, so it belongs to them. It is linked into place,
 * since this process must not open and close it by itself: that would free its own lock (fcntl(2)).
 */
async function makeLockFile(file: string): Promise<void> {
  const folder = path.dirname(file);
  const { mode, uid, gid } = await fs.stat(folder);
  const temporary = temporaryIn(folder);
  const handle = await fs.open(temporary, "wx", 0o600);
  try {
    if (process.getuid?.() === 0) await handle.chown(uid, gid);
    await handle.chmod((mode & 0o020) === 0 ? 0o600 : 0o660);
    await handle.close();
    await fs.link(temporary, file).catch((error: unknown) => {
      // Another publisher made it, and may have tidied up; or there are no hard links here, and SQLite makes it.
      if (!["EEXIST", "ENOENT", "EPERM", "ENOTSUP", "ENOSYS"].includes(codeOf(error) ?? "")) throw error;
    });
  } finally {
    await handle.close();
    await fs.rm(temporary, { force: true });
  }
}
