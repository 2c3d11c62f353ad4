import { promises as fs, type Stats } from "node:fs";
import path from "node:path";
import { parseFilePath } from "../../core/content/manifest.ts";
import { NearsourceError } from "../../errors.ts";
import { isWithin, type Location, realPath } from "./location.ts";

/** A file to publish: where it is now, and its path in the component. */
export interface PayloadFile {
  source: string;
  path: string;
  /** Bytes, when it was looked at. */
  length: number;
}

/**
 * The files at `given`: itself, or all below it, ordered by path. Symbolic links and special files are
 * refused, as is a name that agents would refuse.
 *
 * @throws NearsourceError REPOSITORY_INPUT_INVALID naming the file and the reason
 */
export async function listPayload(given: string): Promise<PayloadFile[]> {
  const top = path.resolve(given);
  const stats = await statsOf(top, given);
  if (!stats.isDirectory()) return [payloadFile(top, path.basename(top), stats)];
  const files = await walk(top, "");
  if (files.length === 0) throw refuse(given, "is a folder without files");
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/**
 * Refuses to publish from a folder in which the keys stand.
 *
 * @throws NearsourceError REPOSITORY_INPUT_INVALID
 */
export async function refuseKeysAsPayload(location: Location, given: string): Promise<void> {
  const [payload, keys] = await Promise.all([realPath(path.resolve(given)), realPath(location.keys)]);
  if (isWithin(payload, keys) || isWithin(keys, payload)) {
    throw refuse(given, `would publish the private keys in ${location.keys}`);
  }
}

async function walk(top: string, below: string): Promise<PayloadFile[]> {
  const files: PayloadFile[] = [];
  for (const entry of await fs.readdir(path.join(top, below), { withFileTypes: true })) {
    const relative = below === "" ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) files.push(...(await walk(top, relative)));
    else {
      const source = path.join(top, relative);
      files.push(payloadFile(source, relative, await statsOf(source, source)));
    }
  }
  return files;
}

async function statsOf(file: string, given: string): Promise<Stats> {
  return fs.lstat(file).catch((error: unknown) => {
    throw new NearsourceError("REPOSITORY_INPUT_INVALID", `cannot read ${given}`, { cause: error });
  });
}

function payloadFile(source: string, relative: string, stats: Stats): PayloadFile {
  if (stats.isSymbolicLink()) throw refuse(source, "is a symbolic link", "publish what it points to instead");
  if (!stats.isFile()) throw refuse(source, "is not a file");
  try {
    return { source, path: parseFilePath(relative), length: stats.size };
  } catch (error) {
    throw refuse(source, `cannot be published: ${(error as Error).message}`, "rename it, or leave it out");
  }
}

function refuse(file: string, reason: string, hint?: string): NearsourceError {
  return new NearsourceError(
    "REPOSITORY_INPUT_INVALID",
    `${file} ${reason}`,
    hint === undefined ? {} : { hint },
  );
}
