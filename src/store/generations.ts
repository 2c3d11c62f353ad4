import { promises as fs } from "node:fs";
import path from "node:path";
import * as v from "valibot";
import type { InstalledComponent } from "../core/content/chooseRelease.ts";
import { CONTENT_KINDS } from "../core/content/kind.ts";
import { parseComponentName, releaseSchema } from "../core/content/manifest.ts";
import { parsedBy, positiveInteger, readDocument } from "../core/document.ts";
import { NearsourceError } from "../errors.ts";
import type { DataDir } from "./dataDir.ts";
import {
  listFolder,
  makeFolder,
  readIfThere,
  remove,
  rename,
  syncFolder,
  temporaryName,
  writeDurably,
} from "./durable.ts";
import { codeOf, guardStorage, toStorageError } from "./storageErrors.ts";
import { hashFile, storePath } from "./store.ts";

/**
 * Installed sets. A generation is a folder `generations/<n>` with its manifest and links into the
 * store; `current` is a symbolic link to one of them and is replaced in one atomic rename.
 */

export interface Generation {
  generation: number;
  /** Time of its making, ISO 8601. */
  created: string;
  components: InstalledComponent[];
}

const generationSchema = v.object({
  generation: positiveInteger,
  created: v.string(),
  components: v.pipe(
    v.array(
      v.object({
        kind: v.picklist(CONTENT_KINDS),
        name: parsedBy(parseComponentName),
        ...releaseSchema.entries,
      }),
    ),
    v.check((components) => {
      const names = components.map(({ kind, name }) => `${kind}/${name}`);
      return new Set(names).size === names.length;
    }, "!lists a component twice"),
  ),
});

/** Path of an installed file: `generations/<n>/<kind>/<name>/<path>`. */
export function installedPath(
  dirs: DataDir,
  generation: number,
  component: Pick<InstalledComponent, "kind" | "name">,
  file: string,
): string {
  return path.join(dirs.generations, String(generation), component.kind, component.name, file);
}

/** The number `current` points at; undefined before the first installation, and where it leads elsewhere. */
export async function currentNumber(dirs: DataDir): Promise<number | undefined> {
  const place = path.join(dirs.root, "current");
  try {
    const link = await fs.readlink(place);
    const number = Number(path.basename(link));
    const target = path.join(dirs.generations, String(number));
    // Windows keeps absolute paths, which another way to write the same folder does not change.
    const leadsThere = process.platform === "win32" || path.resolve(dirs.root, link) === target;
    return Number.isSafeInteger(number) && number > 0 && leadsThere ? number : undefined;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    if (codeOf(error) !== "EINVAL") throw toStorageError(`cannot read ${place}`, error);
    throw new NearsourceError("STORAGE_UNSAFE", `${place} is not a link of ours`, {
      hint: "move it away; the next run links it anew",
    });
  }
}

/** The installed set; undefined when there is none or its manifest is damaged (the next run heals it). */
export async function readCurrent(dirs: DataDir): Promise<Generation | undefined> {
  const number = await currentNumber(dirs);
  return number === undefined ? undefined : await readGeneration(dirs, number);
}

/** One generation's manifest; undefined when missing or damaged. */
export async function readGeneration(dirs: DataDir, number: number): Promise<Generation | undefined> {
  const text = await readIfThere(path.join(dirs.generations, String(number), "manifest.json"));
  if (text === undefined) return undefined;
  try {
    const read = readDocument(generationSchema, JSON.parse(text.toString()));
    return read.generation === number ? read : undefined;
  } catch {
    return undefined;
  }
}

/** Numbers of the generations on disk, newest first. */
export async function listGenerations(dirs: DataDir): Promise<number[]> {
  const names = await listFolder(dirs.generations);
  return names
    .filter((name) => /^[1-9]\d*$/.test(name))
    .map(Number)
    .sort((a, b) => b - a);
}

/** Components by `kind/name` that are taken over from a generation as they are, where the store has lost them. */
export interface AsItIs {
  generation: number;
  names: ReadonlySet<string>;
}

/**
 * Makes a complete, durable generation of `components`, all of whose files are in the store. It is not
 * current yet: `switchTo` does that.
 *
 * @param asItIs damaged components that nobody can mend: their remaining files are linked
 * @param signal ends it before the generation is there; its reason is thrown
 * @throws NearsourceError of the storage phase
 */
export async function makeGeneration(
  dirs: DataDir,
  components: InstalledComponent[],
  created: string,
  asItIs?: AsItIs,
  signal?: AbortSignal,
): Promise<number> {
  const [newest = 0] = await listGenerations(dirs);
  const generation = newest + 1;
  return await guardStorage(`cannot make generation ${generation}`, async () => {
    const staged = temporaryName(dirs.tmp, "generation");
    await fs.mkdir(staged, { mode: 0o755 });
    for (const component of components) {
      signal?.throwIfAborted();
      await linkComponent(dirs, staged, component, asItIs);
    }
    const manifest: Generation = { generation, created, components };
    await writeDurably(path.join(staged, "manifest.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
    await syncFolder(staged);
    await rename(staged, path.join(dirs.generations, String(generation)));
    await syncFolder(dirs.generations);
    return generation;
  });
}

/**
 * Points `current` at a generation, atomically (but see Windows, below): a program that opens a path below it
 * sees one set or the other.
 */
export async function switchTo(dirs: DataDir, generation: number): Promise<void> {
  await guardStorage(`cannot switch to generation ${generation}`, async () => {
    const link = temporaryName(dirs.tmp, "current");
    const windows = process.platform === "win32";
    const target = path.join(windows ? dirs.generations : "generations", String(generation));
    await fs.symlink(target, link, "junction");
    const current = path.join(dirs.root, "current");
    // Windows cannot rename over a junction. A run that dies in between installs again from the store.
    if (windows) await fs.rm(current, { force: true, recursive: true });
    await rename(link, current);
    await syncFolder(dirs.root);
  });
}

/** Deletes one that is not current. */
export async function removeGeneration(dirs: DataDir, generation: number): Promise<void> {
  await remove(path.join(dirs.generations, String(generation)));
}

/** Removes `current`: the way back from a first installation that its hook refused. */
export async function unlinkCurrent(dirs: DataDir): Promise<void> {
  await guardStorage("cannot take back the first generation", async () => {
    await fs.rm(path.join(dirs.root, "current"), { force: true });
    await syncFolder(dirs.root);
  });
}

/**
 * Deletes old generations: the current one and the `keep - 1` before it stay. Returns the hashes that
 * the remaining ones need.
 */
export async function sweepGenerations(dirs: DataDir, keep: number): Promise<Set<string>> {
  const current = await currentNumber(dirs);
  const numbers = await listGenerations(dirs);
  const older = numbers.filter((number) => number !== current);
  const kept = [...(current === undefined ? [] : [current]), ...older.slice(0, Math.max(keep - 1, 0))];
  const needed = new Set<string>();
  for (const number of numbers) {
    const generation = kept.includes(number) ? await readGeneration(dirs, number) : undefined;
    if (generation === undefined && number !== current) {
      await removeGeneration(dirs, number);
    }
    for (const component of generation?.components ?? []) {
      for (const file of component.files) needed.add(file.sha256);
    }
  }
  return needed;
}

async function linkComponent(
  dirs: DataDir,
  staged: string,
  component: InstalledComponent,
  asItIs: AsItIs | undefined,
): Promise<void> {
  const base = path.join(staged, component.kind, component.name);
  const folders = new Set<string>([path.join(staged, component.kind)]);
  for (const file of component.files) {
    const place = path.join(base, file.path);
    await fs.mkdir(path.dirname(place), { recursive: true, mode: 0o755 });
    await linkOrCopy(storePath(dirs, file.sha256), place).catch(async (error: unknown) => {
      if (codeOf(error) !== "ENOENT") throw error;
      if (asItIs?.names.has(`${component.kind}/${component.name}`) === true) {
        return await linkWhatIsLeft(installedPath(dirs, asItIs.generation, component, file.path), place);
      }
      throw new NearsourceError("STORE_DAMAGED", `the store has lost ${file.path} of ${component.name}`, {
        hint: "nearsource verify --repair fetches it",
      });
    });
    for (let folder = path.dirname(place); folder.startsWith(base); folder = path.dirname(folder)) {
      folders.add(folder);
    }
  }
  for (const folder of folders) await syncFolder(folder);
}

async function linkWhatIsLeft(installed: string, place: string): Promise<void> {
  const found = await fs.lstat(installed).catch(() => undefined);
  if (found?.isFile() === true) await linkOrCopy(installed, place);
}

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

/** A hard link; a copy (sharing blocks where the file system can) where links are impossible. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await fs.link(from, to);
  } catch (error) {
    if (!["EPERM", "EXDEV", "ENOTSUP", "EMLINK", "ENOSYS"].includes(codeOf(error) ?? "")) throw error;
    await fs.copyFile(from, to, fs.constants.COPYFILE_EXCL | fs.constants.COPYFILE_FICLONE);
    const handle = await fs.open(to, "r+").catch(() => fs.open(to, "r"));
    await handle.sync().finally(() => handle.close());
  }
}
