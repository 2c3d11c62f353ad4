import { promises as fs } from "node:fs";
import path from "node:path";
import * as v from "valibot";
import type { InstalledComponent } from "../../core/content/chooseRelease.ts";
import { CONTENT_KINDS } from "../../core/content/kind.ts";
import { parseComponentName, releaseSchema } from "../../core/content/manifest.ts";
import { parsedBy, positiveInteger, readDocument } from "../../core/document.ts";
import { NearsourceError } from "../../errors.ts";
import type { DataDir } from "../dataDir.ts";
import { listFolder, readIfThere, remove, rename, syncFolder, temporaryName } from "../durable.ts";
import { codeOf, guardStorage, toStorageError } from "../storageErrors.ts";

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
