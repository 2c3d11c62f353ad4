import { existsSync, promises as fs } from "node:fs";
import path from "node:path";
import type { InstalledComponent } from "../../core/content/chooseRelease.ts";
import type { DataDir } from "../../store/dataDir.ts";
import { readIfThere, rename, temporaryName, writeDurably } from "../../store/durable.ts";
import { type Generation, installedPath } from "../../store/generations/generations.ts";
import { looksInstalled } from "../../store/installedFiles.ts";
import { hashFile } from "../../store/store.ts";
import { turnsEvery } from "../../store/turns.ts";

/** An installed file that differs from its manifest. */
export interface Damage {
  component: string;
  path: string;
  reason: "missing" | "altered";
  sha256: string;
  length: number;
}

/** Hashes every file of the installed set again. */
export async function findDamage(
  dirs: DataDir,
  installed: Generation,
): Promise<{ files: number; bytes: number; damage: Damage[] }> {
  const result = { files: 0, bytes: 0, damage: [] as Damage[] };
  for (const component of installed.components) {
    for (const file of component.files) {
      const { length, damage } = await hashInstalled(dirs, installed, component, file);
      result.files++;
      result.bytes += length;
      if (damage !== undefined) result.damage.push(damage);
    }
  }
  return result;
}

/** A file of the installed set as its bytes have it; without `damage` where they are the right ones. */
async function hashInstalled(
  dirs: DataDir,
  { generation }: Generation,
  component: InstalledComponent,
  file: InstalledComponent["files"][number],
): Promise<{ length: number; damage?: Damage }> {
  const place = installedPath(dirs, generation, component, file.path);
  const found = await hashFile(place);
  const length = found?.length ?? 0;
  if (found?.sha256 === file.sha256 && (await isOurs(dirs, place))) return { length };
  return { length, damage: toDamage(component, file, found === undefined ? "missing" : "altered") };
}

function toDamage(
  { kind, name }: InstalledComponent,
  { path, sha256, length }: InstalledComponent["files"][number],
  reason: Damage["reason"],
): Damage {
  return { component: `${kind}/${name}`, path, reason, sha256, length };
}

/**
 * The damage of the installed set, as far as a look at each file shows it: missing, of another length, or
 * open to other accounts, which is closed and hashed. Damage that an earlier `verify` found is hashed again.
 * Nothing else is read.
 */
export async function noticeDamage(dirs: DataDir, installed: Generation): Promise<Damage[]> {
  const noted = await notedDamage(dirs);
  const damage: Damage[] = [];
  const turn = turnsEvery(500);
  for (const component of installed.components) {
    for (const file of component.files) {
      await turn();
      const place = installedPath(dirs, installed.generation, component, file.path);
      if (noted.has(`${component.kind}/${component.name}/${file.path}`)) {
        const { damage: found } = await hashInstalled(dirs, installed, component, file);
        if (found !== undefined) damage.push(found);
      } else if (!looksInstalled(place, file.length)) {
        await closeToOthers(place);
        const { damage: found } = await hashInstalled(dirs, installed, component, file);
        if (found !== undefined) damage.push(found);
      }
    }
  }
  return damage;
}

/** Closes an installed file that others can write before it is hashed, since they may have written it. */
async function closeToOthers(place: string): Promise<void> {
  if ((await fs.lstat(place).catch(() => undefined))?.isFile()) await fs.chmod(place, 0o444);
}

/** Path of the note that `verify` leaves for the next run. */
function notePath(dirs: DataDir): string {
  return path.join(dirs.root, "damage.json");
}

/** Places of damaged files, `kind/name/path`; a note that does not read says nothing. */
async function notedDamage(dirs: DataDir): Promise<Set<string>> {
  try {
    const noted: unknown = JSON.parse((await readIfThere(notePath(dirs)))?.toString() ?? "[]");
    return new Set(Array.isArray(noted) ? noted.filter((each) => typeof each === "string") : []);
  } catch {
    return new Set();
  }
}

/**
 * Notes the damage for the next run, or that there is none any more. An account that may only read leaves no
 * note: then the next run relies on a look at each file.
 */
export async function noteDamage(dirs: DataDir, damage: Damage[]): Promise<void> {
  try {
    if (damage.length === 0) {
      if (existsSync(notePath(dirs))) await fs.rm(notePath(dirs));
      return;
    }
    const staged = temporaryName(dirs.tmp, "damage");
    await writeDurably(staged, JSON.stringify(damage.map(({ component, path }) => `${component}/${path}`)));
    await rename(staged, notePath(dirs));
  } catch {
    // `verify` says it all the same.
  }
}

/** Whether no folder on the way to an installed file is a link: a file elsewhere is not the installed one. */
async function isOurs(dirs: DataDir, place: string): Promise<boolean> {
  const home = await fs.realpath(dirs.root);
  return (await fs.realpath(place)) === path.join(home, path.relative(dirs.root, place));
}
