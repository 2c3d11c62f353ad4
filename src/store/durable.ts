import { constants, existsSync, promises as fs } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { NearsourceError } from "../errors.ts";
import { codeOf, guardStorage, toStorageError } from "./storageErrors.ts";

/**
 * Durable writes. Everything here follows one recipe: write under
 * a name nobody reads, fsync the file, rename, fsync the folder; only then does the caller report
 * success. No step follows a symbolic link out of the data directory.
 */

/**
 * Makes a folder with its parents, and returns the first that was missing. Node's own way of doing so
 * never ends where a parent is there and takes no folders, as in `/proc`.
 */
export async function makePath(folder: string, mode = 0o755): Promise<string | undefined> {
  const above = path.dirname(folder);
  const made = existsSync(above) || above === folder ? undefined : await makePath(above, mode);
  try {
    await fs.mkdir(folder, { mode });
    return made ?? folder;
  } catch (error) {
    // It is there, or another process has made it in this moment.
    if (codeOf(error) !== "EEXIST") throw error;
    if ((await fs.stat(folder)).isDirectory()) return made;
    throw new NearsourceError("STORAGE_UNWRITABLE", `${folder} is not a folder`, {
      hint: "move away what stands there, or name another folder",
    });
  }
}

/** Makes `folder`, or accepts the one that is there if it is a real one. */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await fs.mkdir(folder, { mode: 0o755 });
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw error;
    const found = await fs.lstat(folder);
    if (found.isDirectory()) return;
    throw new NearsourceError(
      found.isSymbolicLink() ? "STORAGE_UNSAFE" : "STORAGE_UNWRITABLE",
      `${folder} is ${found.isSymbolicLink() ? "a symbolic link" : "not a folder"}`,
      { hint: "move it away; the folder is made anew by the next run" },
    );
  }
}

/** Refuses a symbolic link in the place of a file that a library opens and would follow. */
export async function refuseLink(file: string): Promise<void> {
  const found = await fs.lstat(file).catch(() => undefined);
  if (found?.isSymbolicLink() !== true) return;
  throw new NearsourceError("STORAGE_UNSAFE", `${file} is a symbolic link`, { hint: "remove it" });
}

/** A new name in `folder` that nobody else uses. It need not be hard to guess: files are made exclusively. */
export function temporaryName(folder: string, label: string): string {
  const unique = Math.floor(Math.random() * 2 ** 48).toString(16);
  return path.join(folder, `${label}.${process.pid}.${unique.padStart(12, "0")}`);
}

/** Writes a new file and makes its bytes durable. The folder is the caller's to fsync. */
export async function writeDurably(file: string, data: string | Uint8Array, mode = 0o644): Promise<void> {
  const { O_WRONLY, O_CREAT, O_EXCL } = constants;
  const handle = await fs.open(file, O_WRONLY | O_CREAT | O_EXCL, mode);
  try {
    await handle.writeFile(data);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Time (ms) that a rename waits for a scanner that holds the file open, as they do on Windows. */
const RENAME_PATIENCE = 60_000;

/**
 * Renames, with patience on Windows, where a file that somebody looks at cannot be moved, and one that
 * is read-only cannot be replaced.
 */
export async function rename(
  from: string,
  to: string,
  isPatient = process.platform === "win32",
  move: (from: string, to: string) => Promise<void> = fs.rename,
): Promise<void> {
  const deadline = performance.now() + RENAME_PATIENCE;
  for (let pause = 10; ; pause = Math.min(pause * 2, 1_000)) {
    try {
      return await move(from, to);
    } catch (error) {
      const busy = isPatient && ["EPERM", "EACCES", "EBUSY"].includes(codeOf(error) ?? "");
      if (!busy || performance.now() > deadline) throw error;
      if (!(await madeWritable(to))) await sleep(pause);
    }
  }
}

/** Whether a file was read-only, and is no longer. */
async function madeWritable(file: string): Promise<boolean> {
  const found = await fs.lstat(file).catch(() => undefined);
  if (found?.isFile() !== true || (found.mode & 0o200) !== 0) return false;
  await fs.chmod(file, found.mode | 0o200);
  return true;
}

/** Makes a file's bytes durable. */
export async function syncFile(file: string): Promise<void> {
  const handle = await fs.open(file, "r+");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes names in `folder` durable. A no-op where folders cannot be synced (Windows). */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await fs.open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Puts a file in place in one step: readers see the old one or the new one, whole, also after a power cut.
 *
 * @param staged name that nobody else uses, on the same disk
 */
export async function replaceDurably(
  file: string,
  data: string | Uint8Array,
  { staged, mode = 0o644 }: { staged: string; mode?: number },
): Promise<void> {
  await writeDurably(staged, data, mode);
  await rename(staged, file);
  await syncFolder(path.dirname(file));
}

/** Reads a file, or undefined when it is not there. A symbolic link in its place is not followed. */
export async function readIfThere(file: string): Promise<Buffer | undefined> {
  try {
    const handle = await fs.open(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
    try {
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ENOTDIR") return undefined;
    throw toStorageError(`cannot read ${file}`, error);
  }
}

/** Deletes a file, or a folder with all that is in it. A symbolic link is deleted, and not followed. */
export async function remove(place: string): Promise<void> {
  await guardStorage(`cannot delete ${place}`, () => fs.rm(place, { recursive: true, force: true }));
}

/** Names in a folder, or none when it is not there. */
export async function listFolder(folder: string): Promise<string[]> {
  try {
    return await fs.readdir(folder);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw toStorageError(`cannot read ${folder}`, error);
  }
}
