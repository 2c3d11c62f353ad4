import { createHash } from "node:crypto";
import { constants, promises as fs } from "node:fs";
import path from "node:path";
import type { DataDir } from "./dataDir.ts";
import { listFolder, makeFolder, remove, rename, syncFolder } from "./durable.ts";
import { codeOf, guardStorage, toStorageError } from "./storageErrors.ts";

/**
 * The content-addressed store: a file is named by the SHA-256 of its bytes, and is only ever put there
 * whole, verified and durable.
 */

/** A file is hashed in pieces of this size (bytes). */
const READ_SIZE = 262_144;

/** Path of an object: `store/ab/abcd…` for the SHA-256 `abcd…`. */
export function storePath(dirs: DataDir, sha256: string): string {
  return path.join(dirs.store, sha256.slice(0, 2), sha256);
}

/** Whether the object is there with its length. `isWholeInStore` looks at its bytes. */
export async function inStore(dirs: DataDir, object: { sha256: string; length: number }): Promise<boolean> {
  try {
    const found = await fs.lstat(storePath(dirs, object.sha256));
    return found.isFile() && found.size === object.length;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return false;
    throw toStorageError(`cannot look for ${object.sha256} in the store`, error);
  }
}

/** Whether the object is there to the byte; one altered by another program is not. */
export async function isWholeInStore(
  dirs: DataDir,
  object: { sha256: string; length: number },
): Promise<boolean> {
  if (!(await inStore(dirs, object))) return false;
  return (await hashFile(storePath(dirs, object.sha256)))?.sha256 === object.sha256;
}

/**
 * Moves a finished file into the store. The caller has verified its bytes against `sha256` and synced
 * them; here the name becomes durable.
 *
 * @throws NearsourceError DISK_FULL, STORAGE_UNWRITABLE, STORAGE_UNSAFE, STORAGE_FAILED
 */
export async function adopt(dirs: DataDir, file: string, sha256: string): Promise<void> {
  const place = storePath(dirs, sha256);
  await guardStorage(`cannot put ${sha256} into the store`, async () => {
    await makeFolder(path.dirname(place));
    // Installed files are links to this one: nobody may write through them.
    await fs.chmod(file, 0o444);
    await rename(file, place).catch(async (error: unknown) => {
      if (codeOf(error) !== "EISDIR") throw error;
      // A folder of that name is nothing of ours.
      await remove(place);
      await rename(file, place);
    });
    await syncFolder(path.dirname(place));
    await syncFolder(dirs.store);
  });
}

/** SHA-256 (hex) and length of a file, read through; undefined when no plain file is there. */
export async function hashFile(file: string): Promise<{ sha256: string; length: number } | undefined> {
  const hash = createHash("sha256");
  let length = 0;
  try {
    const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0);
    const handle = await fs.open(file, flags);
    // One buffer for all reads: buffers that a stream allocates would gather until they are collected.
    const buffer = Buffer.allocUnsafe(READ_SIZE);
    try {
      for (;;) {
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, length);
        if (bytesRead === 0) break;
        hash.update(buffer.subarray(0, bytesRead));
        length += bytesRead;
      }
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EISDIR", "ELOOP"].includes(codeOf(error) ?? "")) return undefined;
    throw toStorageError(`cannot read ${file}`, error);
  }
  return { sha256: hash.digest("hex"), length };
}

/** Deletes every object not in `keep`. */
export async function sweepStore(dirs: DataDir, keep: ReadonlySet<string>): Promise<void> {
  for (const folder of await listFolder(dirs.store)) {
    for (const name of await listFolder(path.join(dirs.store, folder))) {
      if (keep.has(name)) continue;
      await remove(path.join(dirs.store, folder, name));
    }
  }
}
