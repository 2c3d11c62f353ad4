import { promises as fs } from "node:fs";
import path from "node:path";
import { NearsourceError } from "../errors.ts";
import { type DataDir, dataDirAt } from "./dataDir.ts";
import { makeFolder, makePath, syncFolder, writeDurably } from "./durable.ts";
import { refuseUnsafe } from "./safePath.ts";
import { codeOf, guardStorage } from "./storageErrors.ts";

/**
 * The file that marks a folder as a data directory. It is made together with the folder, before anything else
 * in it, so that a run never deletes somebody else's files below (`tmp`, `partial`, `store`, old
 * generations).
 */
export const MARKER = ".nearsource";

const MARKER_TEXT = `This folder belongs to nearsource, which deletes what it does not know in it. "dataDir" in its
configuration names it. Without this file it is left alone.
`;

/** Names that file systems and desktops put into folders by themselves. */
const IGNORED_NAMES = ["lost+found", ".DS_Store"];

/**
 * The folders of a data directory, made where missing. Each must be a folder of its own: a symbolic
 * link in the place of one is refused, since an update must never write outside. So is a folder that
 * holds something else, and one that another account can write to, or turn elsewhere from above.
 *
 * @throws NearsourceError STORAGE_UNWRITABLE, STORAGE_UNSAFE
 */
export async function openDataDir(root: string): Promise<DataDir> {
  const dirs = dataDirAt(root);
  await guardStorage(`cannot use ${root} as the data directory`, async () => {
    refuseUnsafe(root, "the data directory", { code: "STORAGE_UNSAFE" });
    const made = await makePath(root);
    await markFolder(dirs);
    // Every folder that was made is a name in the one above it, which a power loss may take back.
    for (let folder = root; made?.length && folder.length >= made.length; folder = path.dirname(folder)) {
      await syncFolder(path.dirname(folder));
    }
    for (const folder of foldersOf(dirs)) await makeFolder(folder);
    await openToReaders(dirs.generations);
  });
  return dirs;
}

function foldersOf({ store, generations, metadata, partial, tmp }: DataDir): string[] {
  return [store, generations, metadata, partial, tmp];
}

/**
 * Opens a folder that an earlier version made with the modes of the umask, which kept the readers of the
 * installed files out.
 */
async function openToReaders(folder: string): Promise<void> {
  const { mode } = await fs.stat(folder);
  if (process.platform !== "win32" && (mode & 0o055) !== 0o055) await fs.chmod(folder, mode | 0o055);
}

/**
 * Refuses a folder that holds something else: neither is it marked, nor empty, nor of a version that made
 * no marker. Reads only.
 *
 * @returns whether it is marked
 * @throws NearsourceError STORAGE_UNSAFE, and errors of the file system as they come
 */
export async function refuseForeign(dirs: DataDir): Promise<boolean> {
  const names = await fs.readdir(dirs.root);
  if (names.includes(MARKER)) return true;
  const found = names.filter((name) => !IGNORED_NAMES.includes(name));
  if (found.length > 0 && !(await isUnmarked(dirs, found))) throw notOurs(dirs.root, found);
  return false;
}

/** Marks an empty folder, or one of a version that made no marker; any other has to have its marker. */
async function markFolder(dirs: DataDir): Promise<void> {
  if (await refuseForeign(dirs)) return;
  const { root } = dirs;
  await writeDurably(path.join(root, MARKER), MARKER_TEXT).catch((error: unknown) => {
    // Another run has just made it.
    if (codeOf(error) !== "EEXIST") throw error;
  });
  await syncFolder(root);
}

/**
 * Whether this is a data directory from before there were markers: all five folders, of which the store
 * has nothing but folders of objects, and a lock or a state; or, where making it was cut short, some of
 * the folders with nothing in them.
 */
async function isUnmarked(dirs: DataDir, names: string[]): Promise<boolean> {
  const own = foldersOf(dirs).filter((folder) => names.includes(path.basename(folder)));
  const contents: string[][] = [];
  for (const folder of own) {
    if (!(await fs.lstat(folder)).isDirectory()) return false;
    contents.push(await fs.readdir(folder));
  }
  if (own.length === names.length && contents.every((each) => each.length === 0)) return true;
  const isWhole = contents.length === foldersOf(dirs).length;
  const wasUsed = names.includes("lock") || names.includes("state.json");
  return isWhole && wasUsed && (contents[0] ?? []).every((name) => /^[0-9a-f]{2}$/.test(name));
}

function notOurs(root: string, names: string[]): NearsourceError {
  const [first = "", ...others] = names.toSorted();
  const more = others.length === 0 ? "" : ` and ${others.length} more`;
  return new NearsourceError(
    "STORAGE_UNSAFE",
    `${root} is not a data directory of nearsource: it holds ${first}${more}`,
    { hint: 'let "dataDir" name a folder that is empty, or not there yet; in this one nothing was changed' },
  );
}
