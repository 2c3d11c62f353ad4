import { promises as fs } from "node:fs";
import path from "node:path";
import type { DataDir } from "../io/files.ts";
import { type Generation, installedPath } from "../io/generations.ts";
import { hashFile } from "../io/store.ts";

/** An installed file that is not what its manifest says. */
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
      const { length, sha256 } = file;
      const place = installedPath(dirs, installed.generation, component, file.path);
      const found = await hashFile(place);
      result.files++;
      result.bytes += found?.length ?? 0;
      if (found?.sha256 === sha256 && (await isOurs(dirs, place))) continue;
      const reason = found === undefined ? "missing" : "altered";
      result.damage.push({
        component: `${component.kind}/${component.name}`,
        path: file.path,
        reason,
        sha256,
        length,
      });
    }
  }
  return result;
}

/** Whether no folder on the way to an installed file is a link: what lies elsewhere is not what was installed. */
async function isOurs(dirs: DataDir, place: string): Promise<boolean> {
  const home = await fs.realpath(dirs.root);
  return (await fs.realpath(place)) === path.join(home, path.relative(dirs.root, place));
}
