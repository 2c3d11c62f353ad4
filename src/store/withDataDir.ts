import path from "node:path";
import type { DataDir } from "./dataDir.ts";
import { listFolder, remove } from "./durable.ts";
import { refuseLinks, removeInstalledLinks } from "./links.ts";
import { takeLock } from "./lock.ts";
import { openDataDir } from "./openDataDir.ts";

/**
 * Opens the data directory under its lock, without the unfinished files of dead runs, for as long as `work`
 * takes.
 *
 * @param options.mend links in the place of installed files are damage, and removed
 * @throws NearsourceError LOCKED, of the storage phase, and the errors of `work`
 */
export async function withDataDir<Result>(
  root: string,
  options: Parameters<typeof takeLock>[1] & { mend?: boolean | undefined },
  work: (dirs: DataDir) => Promise<Result>,
): Promise<Result> {
  const dirs = await openDataDir(root);
  const lock = await takeLock(dirs.root, options);
  try {
    if (options.mend === true) await removeInstalledLinks(dirs);
    await refuseLinks(dirs);
    await sweepUnfinished(dirs);
    return await work(dirs);
  } catch (error) {
    // A full disk needs the space that unfinished files take.
    await sweepUnfinished(dirs).catch(() => {});
    throw error;
  } finally {
    lock.release();
  }
}

/** Deletes unfinished files. Under the lock, none of them belongs to a live run. */
export async function sweepUnfinished(dirs: DataDir): Promise<void> {
  for (const name of await listFolder(dirs.tmp)) await remove(path.join(dirs.tmp, name));
}
