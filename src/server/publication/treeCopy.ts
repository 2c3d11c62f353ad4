import { promises as fs } from "node:fs";
import path from "node:path";
import { METADATA_LIMITS } from "../../core/content/layout.ts";
import { makeFolders, placeFile, replaceJson } from "../../publisher/repository/placeFile.ts";
import { readIfThere, remove } from "../../store/durable.ts";
import { codeOf } from "../../store/storageErrors.ts";
import { type PublishedFile, publishedFiles, publishedPaths } from "../store/settings/publishedStore.ts";
import type { Db } from "../store/transaction.ts";

/** The one file of a settings repository that changes; all others have names of their own for good. */
export const TIMESTAMP = "settings/metadata/timestamp.json";
const ROOT = /^settings\/metadata\/\d+\.root\.json$/;
const METADATA = /^settings\/metadata\/\d+\.[a-z]+\.json$/;
const TARGET = /^settings\/targets\/(?:[A-Za-z0-9._-]+\/)+[0-9a-f]{64}\.[A-Za-z0-9._-]+\.json$/;
/** Files read at once. */
const AT_ONCE = 200;

/** A place where the files of a settings repository are: a web root, or the database. */
export interface TreeSource {
  paths(): Promise<string[]>;
  read(paths: string[]): Promise<PublishedFile[]>;
}

export function treeOfDatabase(db: Db): TreeSource {
  return {
    paths: async () => (await publishedPaths(db)).filter(isOfTree),
    read: async (paths) => await publishedFiles(db, paths),
  };
}

export function treeOfFolder(base: string): TreeSource {
  const read = async (each: string) => {
    const bytes = await readIfThere(path.join(base, each));
    return bytes === undefined ? [] : [{ path: each, content: bytes.toString() }];
  };
  return {
    paths: async () => await pathsBelow(base),
    read: async (paths) => (await Promise.all(paths.map(read))).flat(),
  };
}

/** A path that leads to a file of a settings repository, and nowhere else. */
function isOfTree(each: string): boolean {
  if (each.split("/").some((part) => /^\.+$/.test(part))) return false;
  return each === TIMESTAMP || METADATA.test(each) || TARGET.test(each);
}

async function pathsBelow(base: string): Promise<string[]> {
  try {
    const entries = await fs.readdir(path.join(base, "settings"), { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(base, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, "/"))
      .filter(isOfTree);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}

/**
 * Makes the settings repository below `base` what `source` is: documents, roots and roles are on disk before the
 * timestamp that leads to them, so that it is the publication before or this one at any moment. What the source
 * no longer has is deleted, but for roots.
 *
 * @param afresh writes metadata of the same names again: those that are there are of another publication
 * @throws errors of the file system
 */
export async function copyTree(
  source: TreeSource,
  base: string,
  { afresh = false }: { afresh?: boolean } = {},
): Promise<void> {
  // Read before all that it leads to: what is published meanwhile only adds to that.
  const [timestamp] = await source.read([TIMESTAMP]);
  const paths = await source.paths();
  const there = new Set(await pathsBelow(base));
  const isWanted = (each: string) => !there.has(each) || (afresh && METADATA.test(each));
  const wanted = paths.filter((each) => each !== TIMESTAMP && isWanted(each)).toSorted(byOrder);
  for (let from = 0; from < wanted.length; from += AT_ONCE) {
    const files = await source.read(wanted.slice(from, from + AT_ONCE));
    for (const { path: place, content } of files.toSorted((a, b) => byOrder(a.path, b.path))) {
      const file = path.join(base, place);
      await makeFolders(path.dirname(file));
      await placeFile(file, Buffer.from(content));
    }
  }
  if (timestamp === undefined) return;
  await makeFolders(path.dirname(path.join(base, TIMESTAMP)));
  await replaceJson(
    path.join(base, TIMESTAMP),
    Buffer.from(timestamp.content.trimEnd()),
    METADATA_LIMITS.timestamp,
  );
  const kept = new Set(paths);
  for (const each of there) if (!kept.has(each) && !ROOT.test(each)) await remove(path.join(base, each));
}

function byOrder(one: string, other: string): number {
  return place(one) - place(other);
}

function place(each: string): number {
  return TARGET.test(each) ? 0 : ROOT.test(each) ? 1 : 2;
}
