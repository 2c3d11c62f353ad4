import path from "node:path";
import { isObject } from "../../config/section.ts";
import { parseJson } from "../../core/document.ts";
import { toNearsourceError } from "../../errors.ts";
import type { DataDir } from "../../store/dataDir.ts";
import { readIfThere, remove, replaceDurably } from "../../store/durable.ts";
import { codeOf } from "../../store/storageErrors.ts";
import { hashFile, storePath } from "../../store/store.ts";
import type { CatalogObject } from "../../tree/catalog.ts";

/** Result of the last time that all mirrored files were read through. */
export interface Verified {
  /** When that ended (ms since the epoch). */
  at: number;
  /** Files that were read. */
  objects: number;
  /** Those that were altered on the disk, or could not be read. */
  damaged: number;
  /** Those of them that the source has not given again yet. */
  missing: number;
}

/**
 * Reads all objects through, and takes those away that are not what was signed: nobody is served them, and they are
 * fetched as if they had never been here, by this pass or whichever next one reaches the source.
 *
 * @throws NearsourceError of the storage phase; what `signal` was aborted with
 */
export async function removeDamaged(
  dirs: DataDir,
  objects: readonly CatalogObject[],
  signal: AbortSignal,
): Promise<Omit<Verified, "at">> {
  let [read, damaged] = [0, 0];
  for (const { sha256 } of objects) {
    signal.throwIfAborted();
    const file = storePath(dirs, sha256);
    const found = await hashFile(file).catch(unreadable);
    if (found === undefined) continue;
    read++;
    if (found.sha256 === sha256) continue;
    await remove(file);
    damaged++;
  }
  return { objects: read, damaged, missing: damaged };
}

/** A sector that cannot be read is damage as any other; the rest is no fault of the file. */
function unreadable(error: unknown): { sha256: string } {
  if (codeOf(toNearsourceError(error).cause) === "EIO") return { sha256: "" };
  throw error;
}

/** Whether the files are to be read through again, `every` so many ms; null for never. */
export function isVerificationDue(last: Verified | undefined, every: number | null, now: number): boolean {
  if (every === null) return false;
  return last === undefined || last.at > now || now - last.at >= every;
}

const NUMBERS = ["at", "objects", "damaged", "missing"];
const fileIn = (home: string) => path.join(home, "verified.json");

/** The last result for the mirror whose own folder is `home`; undefined where there is none that can be read. */
export async function readVerified(home: string): Promise<Verified | undefined> {
  try {
    const value = parseJson((await readIfThere(fileIn(home)))?.toString() ?? "");
    const isResult = isObject(value) && NUMBERS.every((key) => Number.isSafeInteger(value[key]));
    return isResult ? (value as unknown as Verified) : undefined;
  } catch {
    return undefined;
  }
}

/** @throws NearsourceError of the storage phase */
export async function writeVerified(home: string, verified: Verified): Promise<void> {
  const file = fileIn(home);
  await replaceDurably(file, `${JSON.stringify(verified)}\n`, { staged: `${file}.new` });
}
