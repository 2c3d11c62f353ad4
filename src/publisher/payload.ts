import { promises as fs } from "node:fs";
import path from "node:path";
import { parseFilePath } from "../core/manifest.ts";
import { NearsourceError } from "../errors.ts";
import { isWithin, type Location, realPath } from "./location.ts";

/** A file to publish: where it is now, and its path in the component. */
export interface PayloadFile {
  source: string;
  path: string;
}

/**
 * The files at `given`: itself, or all below it, ordered by path. Symbolic links and special files are
 * refused, as is a name that agents would refuse.
 *
 * @throws NearsourceError REPOSITORY_INPUT_INVALID naming the file and the reason
 */
export async function listPayload(given: string): Promise<PayloadFile[]> {
  const top = path.resolve(given);
  const stats = await fs.lstat(top).catch((error: unknown) => {
    throw new NearsourceError("REPOSITORY_INPUT_INVALID", `cannot read ${given}`, { cause: error });
  });
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
    else files.push(payloadFile(path.join(top, relative), relative, entry));
  }
  return files;
}

interface FileKind {
  isFile(): boolean;
  isSymbolicLink(): boolean;
}

function payloadFile(source: string, relative: string, kind: FileKind): PayloadFile {
  if (kind.isSymbolicLink()) throw refuse(source, "is a symbolic link", "publish what it points to instead");
  if (!kind.isFile()) throw refuse(source, "is not a file");
  try {
    return { source, path: parseFilePath(relative) };
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
