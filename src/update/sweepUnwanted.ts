import path from "node:path";
import type { DataDir } from "../store/dataDir.ts";
import { listFolder, remove } from "../store/durable.ts";
import { sweepGenerations } from "../store/generations/generations.ts";
import { sweepStore } from "../store/store.ts";

/**
 * Deletes the files that nothing needs when a run has ended: old generations, and objects, in transfer or in
 * the store, that neither the remaining ones nor `wanted` name. Runs that died may have left any of them.
 */
export async function sweepUnwanted(
  dirs: DataDir,
  keepGenerations: number,
  wanted: ReadonlySet<string>,
): Promise<void> {
  for (const name of await listFolder(dirs.partial)) {
    if (!wanted.has(name)) await remove(path.join(dirs.partial, name));
  }
  const needed = await sweepGenerations(dirs, keepGenerations);
  await sweepStore(dirs, needed.union(wanted));
}
