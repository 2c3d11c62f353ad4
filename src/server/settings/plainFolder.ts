import { constants, promises as fs } from "node:fs";
import path from "node:path";
import { NearsourceError } from "../../errors.ts";

/** Longest file (bytes) of a settings repository, bytes and number of all of them, and folders within each other. */
const MOST = { file: 16_777_216, bytes: 1_073_741_824, files: 100_000, depth: 8 };

/**
 * Refuses folders in which something is no file and no folder: a link leads to what is to stay private, a pipe never comes to
 * an end; and what is more than any settings repository has.
 *
 * @param folders those that there need not be, too
 * @throws NearsourceError REPOSITORY_INVALID
 */
export async function refuseOddFiles(folders: readonly string[]): Promise<void> {
  const left = { bytes: MOST.bytes, files: MOST.files };
  for (const folder of folders) await look(folder, MOST.depth, left);
}

async function look(place: string, depth: number, left: { bytes: number; files: number }): Promise<void> {
  const stats = await fs.lstat(place).catch(() => undefined);
  if (stats === undefined) return;
  if (stats.isDirectory()) {
    if (depth === 0) throw odd(place, "is deeper than the folders of a settings repository");
    // One after the other: a folder may have any number.
    for await (const { name } of await fs.opendir(place)) await look(path.join(place, name), depth - 1, left);
    return;
  }
  if (!stats.isFile()) throw odd(place, `is ${stats.isSymbolicLink() ? "a link" : "no file"}`);
  left.bytes -= stats.size;
  left.files--;
  if (stats.size > MOST.file || left.bytes < 0 || left.files < 0)
    throw odd(place, "is more than a settings repository has");
}

/**
 * Reads a file that is one, and not too long, however it was replaced since it was looked at.
 *
 * @throws NearsourceError REPOSITORY_INVALID
 */
export async function readPlain(file: string): Promise<Buffer> {
  // A pipe without a writer does not hold whoever opens it so.
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
  const handle = await fs.open(file, flags);
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw odd(file, "is no file");
    if (stats.size > MOST.file) throw odd(file, "is more than a settings repository has");
    const bytes = Buffer.alloc(stats.size);
    let length = 0;
    while (length < bytes.length) {
      const { bytesRead } = await handle.read(bytes, length, bytes.length - length, length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return bytes.subarray(0, length);
  } finally {
    await handle.close();
  }
}

function odd(place: string, what: string): NearsourceError {
  return new NearsourceError("REPOSITORY_INVALID", `${place} ${what}`, {
    hint: "nothing was taken over: leave in the repository and its keys what nearsource repo made",
  });
}
