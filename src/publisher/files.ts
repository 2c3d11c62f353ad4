import { promises as fs } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { codeOf, makePath, syncFolder, temporaryName, writeDurably } from "../io/files.ts";

/** What the names of half-written files begin with; the dot keeps most web servers from serving them. */
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

/**
 * Puts `bytes` at `file` in one step: readers see the old file or the new one, also after a power cut.
 * The folder must be there.
 */
export async function placeFile(file: string, bytes: Uint8Array, mode = 0o644): Promise<void> {
  const temporary = temporaryIn(path.dirname(file));
  try {
    await writeDurably(temporary, bytes, mode);
    await renameDurably(temporary, file);
  } catch (error) {
    await fs.rm(temporary, { force: true });
    throw error;
  }
}

/** Renames within one volume, over what is there, and makes the new name durable. */
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

/** Makes `folder` and what is missing above it, durably. */
export async function makeFolders(folder: string, mode = 0o755): Promise<void> {
  const first = await makePath(folder, mode);
  if (first === undefined) return;
  for (let made = folder; ; made = path.dirname(made)) {
    await syncFolder(path.dirname(made));
    if (made === first || made === path.dirname(made)) return;
  }
}

/** Whether something stands at `file`. */
export async function exists(file: string): Promise<boolean> {
  return (await fs.lstat(file).catch(() => undefined)) !== undefined;
}
