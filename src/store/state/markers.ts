import { lstatSync, lutimesSync, writeFileSync } from "node:fs";
import path from "node:path";

/**
 * Empty files in the data directory of which only the time of change counts, so that a run that finds nothing
 * new need not write anything: `confirmed` is the time when the last run was found to hold still, by verified
 * metadata; `hinted`, when DNS last said that nothing is newer.
 */
export type Touched = "confirmed" | "hinted";

/** Sets the time of one; it is made when it is missing. */
export function touch(dataDir: string, name: Touched, time: Date): void {
  const file = path.join(dataDir, name);
  try {
    lutimesSync(file, time, time);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    writeFileSync(file, "", { flag: "wx", mode: 0o644 });
  }
}

/** Time when it was last set; undefined when never. */
export function touchedAt(dataDir: string, name: Touched): Date | undefined {
  return lstatSync(path.join(dataDir, name), { throwIfNoEntry: false })?.mtime;
}
