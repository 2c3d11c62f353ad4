import { promises as fs } from "node:fs";
import path from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { NearsourceError } from "../errors.ts";
import { refuseLink } from "./durable.ts";
import { codeOf } from "./storageErrors.ts";

/** Holding it means being the only run on this data directory. */
export interface Lock {
  release(): void;
}

/**
 * Databases whose locks this process holds: one that nothing refers to is closed, which would free its lock.
 * So would this process opening and closing the file by itself (fcntl(2)): nothing here does.
 */
const held = new Set<DatabaseSync>();

const SQLITE_BUSY = 5;
const POLL = 250;
/**
 * Pauses (ms) before a lock is tried again: a process that only asks whether it is held is in the way for a
 * moment.
 */
const PAUSES = [10, 20, 40];

/**
 * Takes the lock of a folder: the data directory's for a run, its `agent` for the resident agent, a server's own folder for a server. It is an
 * exclusive transaction on an empty SQLite file: the operating system frees it when its holder dies, however
 * it dies, so there is no stale lock to recognise and no process id to be fooled by.
 *
 * @param options.wait waits for as long as another run takes, until `signal` aborts; `onWait` is called once,
 *   with words for people
 * @throws NearsourceError LOCKED, naming the holder where the system tells
 */
export async function takeLock(
  dataDir: string,
  options: {
    /** The role of the process that holds it, for people: `update` by default. */
    role?: "update" | "agent" | "server";
    wait?: boolean | undefined;
    signal?: AbortSignal | undefined;
    onWait?: (holder: string) => void;
  } = {},
): Promise<Lock> {
  const file = path.join(dataDir, "lock");
  const { role = "update" } = options;
  for (let waits = 0; ; waits++) {
    const database = await tryRepeatedly(file);
    if (database !== undefined) return hold(database);
    if (options.wait !== true) throw lockedBy(await describeHolder(file, role), role);
    if (waits === 0) options.onWait?.(await describeHolder(file, role));
    await sleep(POLL, undefined, options.signal === undefined ? {} : { signal: options.signal });
  }
}

/**
 * Whether a process holds a lock; undefined when this account may not know, since every account that may read
 * the file can hold it. The lock is taken shared for a moment.
 */
export async function isLocked(file: string): Promise<boolean | undefined> {
  const { DatabaseSync } = await import("node:sqlite");
  let database: DatabaseSync | undefined;
  try {
    if (!(await fs.lstat(file)).isFile()) return false;
    await fs.access(file, fs.constants.R_OK);
  } catch (error) {
    return codeOf(error) === "EACCES" ? undefined : false;
  }
  try {
    database = new DatabaseSync(file, { readOnly: true });
    database.prepare("SELECT count(*) FROM sqlite_schema").get();
    return false;
  } catch (error) {
    return (error as { errcode?: number }).errcode === SQLITE_BUSY;
  } finally {
    database?.close();
  }
}

function hold(database: DatabaseSync): Lock {
  held.add(database);
  return {
    release: () => {
      if (held.delete(database)) database.close();
    },
  };
}

async function tryRepeatedly(file: string): Promise<DatabaseSync | undefined> {
  for (const pause of PAUSES) {
    const database = await tryLock(file);
    if (database !== undefined) return database;
    await sleep(pause);
  }
  return await tryLock(file);
}

async function tryLock(file: string): Promise<DatabaseSync | undefined> {
  const { DatabaseSync } = await import("node:sqlite");
  await refuseLink(file);
  let database: DatabaseSync | undefined;
  try {
    await makePrivate(file);
    database = new DatabaseSync(file);
    // Nothing is ever written, so the journal stays in memory and the folder stays as it is.
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database?.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined;
    throw new NearsourceError("STORAGE_UNWRITABLE", `cannot lock ${file}`, {
      cause: (await whyClosed(file)) ?? error,
      hint: "make the data directory writable for the account that runs nearsource",
    });
  }
}

/**
 * Makes the file of a lock, mode 0600, or takes from others the right to read it: with that alone they
 * could hold it (fcntl(2)). A file that is there is not opened, see `held`.
 */
async function makePrivate(file: string): Promise<void> {
  try {
    await fs.writeFile(file, "", { flag: "wx", mode: 0o600 });
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
    const found = await fs.lstat(file);
    const isLoose = process.platform !== "win32" && (found.mode & 0o077) !== 0;
    if (found.isFile() && isLoose) await fs.chmod(file, 0o600);
  }
}

/** The system's own reason for a file that cannot be opened, which the database does not pass on. */
async function whyClosed(file: string): Promise<unknown> {
  return await fs.access(file, fs.constants.R_OK | fs.constants.W_OK).catch((error) => error);
}

function lockedBy(holder: string, role: string): NearsourceError {
  const hints: Record<string, string> = {
    update: "wait for it with --wait, or look at it with: nearsource status",
    server: "each server has a folder of its own; several share one PostgreSQL (docs/scale.md)",
  };
  const hint = hints[role] ?? "look at it with: nearsource status";
  return new NearsourceError("LOCKED", holder, { hint });
}

async function describeHolder(file: string, role: string): Promise<string> {
  const pid = await holderOf(file);
  return `another ${role} is running (${pid === undefined ? "another process" : `process ${pid}`})`;
}

/** The process that holds a lock on `file`, from the kernel's own table (Linux: proc(5), locks). */
export async function holderOf(file: string): Promise<string | undefined> {
  try {
    const { ino } = await fs.stat(file);
    const table = await fs.readFile("/proc/locks", "utf8");
    return table.match(
      new RegExp(`POSIX +ADVISORY +(?:READ|WRITE) +(\\d+) [0-9a-f]+:[0-9a-f]+:${ino} `),
    )?.[1];
  } catch {
    return undefined;
  }
}
