import { promises as fs } from "node:fs";
import path from "node:path";
import type { DataDir } from "../store/dataDir.ts";
import { listFolder, makeFolder } from "../store/durable.ts";
import { storePath } from "../store/store.ts";

/** Damaged files that are kept for somebody to look at. */
const MAX_QUARANTINED = 4;

/** Moves a damaged file to where an administrator may look at it; only the newest few are kept. */
export async function quarantine(dirs: DataDir, sha256: string): Promise<void> {
  const folder = path.join(dirs.root, "quarantine");
  await makeFolder(folder);
  await fs.rename(storePath(dirs, sha256), path.join(folder, sha256)).catch(async () => {
    await fs.rm(storePath(dirs, sha256), { force: true, recursive: true });
  });
  const files = await Promise.all(
    (await listFolder(folder)).map(async (name) => {
      const file = path.join(folder, name);
      return { file, time: (await fs.lstat(file)).ctimeMs };
    }),
  );
  files.sort((one, other) => other.time - one.time);
  for (const { file } of files.slice(MAX_QUARANTINED)) await fs.rm(file, { force: true, recursive: true });
}
