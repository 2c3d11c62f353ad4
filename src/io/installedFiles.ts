import { existsSync, lstatSync, readFileSync } from "node:fs";
import path from "node:path";

/** Whether a plain file of that length stands there. */
export function hasLength(place: string, length: number): boolean {
  const found = lstatSync(place, { throwIfNoEntry: false });
  return found?.isFile() === true && found.size === length;
}

/** Of a generation's manifest, what is looked at here. */
interface Written {
  components: { kind: string; name: string; files: { path: string; length: number }[] }[];
}

/**
 * Whether all installed files stand there with their lengths, and no damage was noted. For the check that
 * asks DNS alone: what is amiss is left to a run.
 *
 * @throws when there is no manifest that reads
 */
export function looksWhole(dataDir: string): boolean {
  if (existsSync(path.join(dataDir, "damage.json"))) return false;
  const current = path.join(dataDir, "current");
  const { components }: Written = JSON.parse(readFileSync(path.join(current, "manifest.json"), "utf8"));
  return components.every(({ kind, name, files }) =>
    files.every((file) => hasLength(path.join(current, kind, name, file.path), file.length)),
  );
}
