import { type Dirent, promises as fs } from "node:fs";
import path from "node:path";
import { NearsourceError } from "../errors.ts";
import { codeOf, type DataDir, toStorageError } from "./files.ts";

/**
 * Refuses a data directory in which a symbolic link stands where this program keeps files or folders,
 * at whatever depth: what is read, linked or deleted by its path would lie elsewhere. `current` is the
 * one link there is (`currentNumber` looks at it); in `tmp` a dead run may have left one, which is
 * swept without being followed.
 *
 * @throws NearsourceError STORAGE_UNSAFE, naming the link
 */
export async function refuseLinks(dirs: DataDir): Promise<void> {
  for (const folder of [dirs.store, dirs.generations, dirs.metadata, dirs.partial]) await refuseBelow(folder);
}

async function refuseBelow(folder: string): Promise<void> {
  for (const entry of await entriesOf(folder)) {
    const place = path.join(folder, entry.name);
    if (entry.isSymbolicLink()) {
      throw new NearsourceError("STORAGE_UNSAFE", `${place} is a symbolic link`, {
        hint: "remove it; what belongs there is fetched again by nearsource verify --repair, or the next update",
      });
    }
    if (entry.isDirectory()) await refuseBelow(place);
  }
}

/** A run that is going on may delete a folder that another process is looking at. */
async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await fs.readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw toStorageError(`cannot read ${folder}`, error);
  }
}
