import { type Dirent, promises as fs } from "node:fs";
import path from "node:path";
import { NearsourceError } from "../errors.ts";
import type { DataDir } from "./dataDir.ts";
import { remove } from "./durable.ts";
import { refuseUnsafeInside } from "./safePath.ts";
import { guardStorage } from "./storageErrors.ts";

/** Names that are believed, or deleted from, beside the folders that are walked. */
const OTHER_NAMES = ["agent", "relay", "tmp", "state.json", "identity.json"];

/**
 * Refuses a data directory in which a symbolic link stands where this program keeps files or folders, at any
 * depth: reading, linking or deleting by its path would reach elsewhere. `current` is the one link there is
 * (`currentNumber` looks at it); in `tmp` a dead run may have left one, which is swept without being
 * followed. A folder that another account can write, at any depth, is refused too, since it could plant one
 * at any time.
 *
 * @throws NearsourceError STORAGE_UNSAFE, naming the link or folder
 */
export async function refuseLinks(dirs: DataDir): Promise<void> {
  const entries = (await entriesOf(dirs.root)).filter(({ name }) => name !== "current");
  const links = entries
    .filter((entry) => entry.isSymbolicLink())
    .map(({ name }) => path.join(dirs.root, name));
  for (const name of OTHER_NAMES) refuseUnsafeInside(path.join(dirs.root, name));
  for (const folder of [dirs.store, dirs.generations, dirs.metadata, dirs.partial]) {
    links.push(...(await linksBelow(folder)));
  }
  const [place] = links;
  if (place === undefined) return;
  throw new NearsourceError("STORAGE_UNSAFE", `${place} is a symbolic link`, {
    hint: "remove it; what belongs there comes back with nearsource verify --repair, or the next update",
  });
}

/** Removes the links that stand in the place of installed files, or of folders of them, in any generation. */
export async function removeInstalledLinks(dirs: DataDir): Promise<void> {
  for (const place of await linksBelow(dirs.generations)) {
    const [, inside = "manifest.json"] = path.relative(dirs.generations, place).split(path.sep);
    if (inside !== "manifest.json") await remove(place);
  }
}

async function linksBelow(folder: string): Promise<string[]> {
  const links: string[] = [];
  refuseUnsafeInside(folder);
  for (const entry of await entriesOf(folder)) {
    const place = path.join(folder, entry.name);
    if (entry.isSymbolicLink()) links.push(place);
    else if (entry.isDirectory()) links.push(...(await linksBelow(place)));
  }
  return links;
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  return await guardStorage(`cannot read ${folder}`, () => fs.readdir(folder, { withFileTypes: true }));
}
