import { existsSync, lstatSync, readFileSync } from "node:fs";
import path from "node:path";

/** Whether a plain file of that length stands there, that no other account can write. */
export function looksInstalled(place: string, length: number): boolean {
  const found = lstatSync(place, { throwIfNoEntry: false });
  return found?.isFile() === true && found.size === length && !isOpenToOthers(found.mode);
}

/** Whether a mode (of a system that has modes) lets others write. */
function isOpenToOthers(mode: number): boolean {
  return process.platform !== "win32" && (mode & 0o022) !== 0;
}

/** The parts of a generation's manifest that are used here. */
interface Written {
  components: { kind: string; name: string; files: { path: string; length: number }[] }[];
}

/**
 * Whether all installed files stand there with their lengths, and no damage was noted. For the check that
 * asks DNS alone: faults are left to a run.
 *
 * @throws when there is no manifest that reads
 */
export function looksWhole(dataDir: string): boolean {
  if (existsSync(path.join(dataDir, "damage.json"))) return false;
  const current = path.join(dataDir, "current");
  const { components }: Written = JSON.parse(readFileSync(path.join(current, "manifest.json"), "utf8"));
  return components.every(({ kind, name, files }) =>
    files.every((file) => looksInstalled(path.join(current, kind, name, file.path), file.length)),
  );
}
