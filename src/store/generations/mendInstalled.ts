import { promises as fs } from "node:fs";
import path from "node:path";
import type { InstalledComponent } from "../../core/content/chooseRelease.ts";
import type { DataDir } from "../dataDir.ts";
import { makeFolder, remove, rename, syncFolder, temporaryName } from "../durable.ts";
import { guardStorage } from "../storageErrors.ts";
import { hashFile, storePath } from "../store.ts";
import { installedPath } from "./generations.ts";
import { linkOrCopy } from "./makeGeneration.ts";

/**
 * Puts an object that the store has lost back there, from the installed file of it.
 *
 * @returns whether that was whole
 */
export async function restoreObject(
  dirs: DataDir,
  generation: number,
  component: Pick<InstalledComponent, "kind" | "name">,
  file: { path: string; sha256: string },
): Promise<boolean> {
  const installed = installedPath(dirs, generation, component, file.path);
  if ((await hashFile(installed))?.sha256 !== file.sha256) return false;
  const place = storePath(dirs, file.sha256);
  await guardStorage(`cannot put ${file.sha256} back into the store`, async () => {
    await makeFolder(path.dirname(place));
    await fs.rm(place, { recursive: true, force: true });
    await linkOrCopy(installed, place);
    await syncFolder(path.dirname(place));
    await syncFolder(dirs.store);
  });
  return true;
}

/**
 * Puts the store's object in the place of an installed file that is not whole, in one rename. The caller
 * has found the object whole.
 */
export async function relinkInstalled(
  dirs: DataDir,
  generation: number,
  component: Pick<InstalledComponent, "kind" | "name">,
  file: { path: string; sha256: string },
): Promise<void> {
  const place = installedPath(dirs, generation, component, file.path);
  await guardStorage(`cannot mend ${place}`, async () => {
    const staged = temporaryName(dirs.tmp, "mended");
    await linkOrCopy(storePath(dirs, file.sha256), staged);
    await fs.mkdir(path.dirname(place), { recursive: true, mode: 0o755 });
    // No file can be renamed over a folder.
    if ((await fs.lstat(place).catch(() => undefined))?.isDirectory()) await remove(place);
    await rename(staged, place);
    await syncFolder(path.dirname(place));
  });
}
