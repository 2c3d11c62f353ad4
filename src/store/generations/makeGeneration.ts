import { promises as fs } from "node:fs";
import path from "node:path";
import type { InstalledComponent } from "../../core/content/chooseRelease.ts";
import { NearsourceError } from "../../errors.ts";
import type { DataDir } from "../dataDir.ts";
import { rename, syncFolder, temporaryName, writeDurably } from "../durable.ts";
import { codeOf, guardStorage } from "../storageErrors.ts";
import { storePath } from "../store.ts";
import { type Generation, installedPath, listGenerations } from "./generations.ts";

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

/** A hard link; a copy (sharing blocks where the file system can) where links are impossible. */
export async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await fs.link(from, to);
  } catch (error) {
    if (!["EPERM", "EXDEV", "ENOTSUP", "EMLINK", "ENOSYS"].includes(codeOf(error) ?? "")) throw error;
    await fs.copyFile(from, to, fs.constants.COPYFILE_EXCL | fs.constants.COPYFILE_FICLONE);
    const handle = await fs.open(to, "r+").catch(() => fs.open(to, "r"));
    await handle.sync().finally(() => handle.close());
  }
}
