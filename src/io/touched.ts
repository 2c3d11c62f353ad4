import { promises as fs } from "node:fs";
import path from "node:path";

/**
 * Empty files in the data directory whose time of change is all they say, so that a run that finds
 * nothing new need not write anything: `confirmed` is when the last run was found to hold still, by
 * verified metadata; `hinted`, when DNS last said that nothing is newer.
 */
export type Touched = "confirmed" | "hinted";

/** Sets the time of one; it is made when it is missing. */
export async function touch(dataDir: string, name: Touched, time: Date): Promise<void> {
  const file = path.join(dataDir, name);
  try {
    await fs.lutimes(file, time, time);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    await fs.writeFile(file, "", { flag: "wx", mode: 0o644 });
  }
}

/** When it was last set; undefined when never. */
export async function touchedAt(dataDir: string, name: Touched): Promise<Date | undefined> {
  return (await fs.lstat(path.join(dataDir, name)).catch(() => undefined))?.mtime;
}
