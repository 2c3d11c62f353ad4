import { constants, promises as fs, type Stats } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { listFolder, makePath, syncFolder, temporaryName } from "../../store/durable.ts";
import { codeOf } from "../../store/storageErrors.ts";

/** Prefix of the names of half-written files; the dot keeps most web servers from serving them. */
const TEMPORARY = ".new";

/** Called with the path of each file once it is in place, durably. */
export type OnFile = (file: string) => void;

/** A new name in `folder` for a file that is being written; `isTemporary` knows it again. */
export function temporaryIn(folder: string): string {
  return temporaryName(folder, TEMPORARY);
}

/** Whether `name` is a half-written file that a publisher left when it was killed. */
export function isTemporary(name: string): boolean {
  return /^\.new\.\d+\.[0-9a-f]+$/.test(name);
}

/** Deletes half-written files of killed publishers in `folder`, which must be nobody else's at the moment. */
export async function removeTemporaries(folder: string): Promise<void> {
  for (const name of (await listFolder(folder)).filter(isTemporary)) {
    await fs.rm(path.join(folder, name), { force: true });
  }
}

/**
 * Puts `bytes` at `file` in one step: readers see the old file or the new one, also after a power cut.
 * The folder must be there. The umask takes nothing from `mode`: the web server is another account.
 */
export async function placeFile(file: string, bytes: Uint8Array, mode = 0o644): Promise<void> {
  await place(file, mode, async () => bytes);
}

/**
 * Replaces a JSON file that is asked for again and again, so that web servers' ETags tell the two apart: many
 * make one of the length and the whole second of the file's time. A replacement of a file of the same second,
 * or of a later one, is longer, by line breaks at its end that mean nothing in JSON.
 *
 * @param limit the most bytes that readers take
 */
export async function replaceJson(file: string, bytes: Uint8Array, limit: number): Promise<void> {
  const before = await fs.stat(file).catch(() => undefined);
  await place(file, 0o644, async (written) => {
    const { mtime } = await written.stat();
    if (before === undefined || seconds(mtime) > seconds(before.mtime)) return bytes;
    const length = Math.max(before.size + 1, bytes.length);
    return length > limit ? bytes : Buffer.concat([bytes, Buffer.alloc(length - bytes.length, "\n")]);
  });
}

function seconds(time: Stats["mtime"]): number {
  return Math.floor(time.getTime() / 1_000);
}

async function place(
  file: string,
  mode: number,
  write: (written: fs.FileHandle) => Promise<Uint8Array>,
): Promise<void> {
  const temporary = temporaryIn(path.dirname(file));
  try {
    const written = await fs.open(temporary, "wx", mode);
    try {
      await written.writeFile(await write(written));
      await written.chmod(mode);
      await written.sync();
    } finally {
      await written.close();
    }
    await renameDurably(temporary, file);
  } catch (error) {
    await fs.rm(temporary, { force: true });
    throw error;
  }
}

/** Renames within one volume, over an existing file, and makes the new name durable. */
export async function renameDurably(from: string, to: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await fs.rename(from, to);
      break;
    } catch (error) {
      // On Windows a reader or a virus scanner keeps a file from being replaced for a moment.
      const busy = ["EPERM", "EACCES", "EBUSY"].includes(codeOf(error) ?? "");
      if (process.platform !== "win32" || !busy || attempt === 50) throw error;
      await sleep(100);
    }
  }
  await syncFolder(path.dirname(to));
}

/** Makes `folder` and the missing folders above it, durably, of `mode` under any umask. */
export async function makeFolders(folder: string, mode = 0o755): Promise<void> {
  const first = await makePath(folder, mode);
  if (first === undefined) return;
  for (let made = folder; ; made = path.dirname(made)) {
    await setFolderMode(made, mode);
    await syncFolder(path.dirname(made));
    if (made === first || made === path.dirname(made)) return;
  }
}

async function setFolderMode(folder: string, mode: number): Promise<void> {
  if (process.platform === "win32") return;
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
  const handle = await fs.open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    await handle.chmod(mode);
  } finally {
    await handle.close();
  }
}

/** Whether something stands at `file`. */
export async function exists(file: string): Promise<boolean> {
  return (await fs.lstat(file).catch(() => undefined)) !== undefined;
}
