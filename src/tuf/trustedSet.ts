import { type Dirent, promises as fs } from "node:fs";
import path from "node:path";
import { REPOSITORIES, type Repository } from "../core/content/layout.ts";
import type { DataDir } from "../store/dataDir.ts";
import {
  listFolder,
  makeFolder,
  readIfThere,
  remove,
  rename,
  syncFolder,
  temporaryName,
  writeDurably,
} from "../store/durable.ts";
import { codeOf, guardStorage, toStorageError } from "../store/storageErrors.ts";

/**
 * The verified metadata of one repository, with the documents it names that this agent uses. On disk
 * it is a numbered folder that appears in one rename: the highest number is always a complete set.
 *
 *     metadata/content/7/root.json            the root shipped with the agent, where trust starts
 *     metadata/content/7/2.root.json …        the chain from there, as it was fetched
 *     metadata/content/7/timestamp.json …     one file a role
 *     metadata/content/7/targets/components/virus-pattern.json
 */
export interface TrustedSet {
  repository: Repository;
  folder: string;
  /** Metadata files by name. */
  files: ReadonlyMap<string, Buffer>;
  /** Documents by their TUF target path. */
  documents: ReadonlyMap<string, Buffer>;
}

/** The numbers of the newest sets on disk: they are others as soon as anything has been learnt. */
export async function newestSets(dirs: DataDir): Promise<Partial<Record<Repository, number>>> {
  const numbers: Partial<Record<Repository, number>> = {};
  for (const repository of REPOSITORIES) {
    const [newest] = await setNumbers(dirs, repository);
    if (newest !== undefined) numbers[repository] = newest;
  }
  return numbers;
}

/** The newest set on disk, or undefined before the first run. Reads only. */
export async function readTrustedSet(dirs: DataDir, repository: Repository): Promise<TrustedSet | undefined> {
  const [number] = await setNumbers(dirs, repository);
  if (number === undefined) return undefined;
  const folder = path.join(dirs.metadata, repository, String(number));
  const files = new Map<string, Buffer>();
  for (const name of await listFolder(folder)) {
    const bytes = name.endsWith(".json") ? await readIfThere(path.join(folder, name)) : undefined;
    if (bytes !== undefined) files.set(name, bytes);
  }
  return { repository, folder, files, documents: await readDocuments(path.join(folder, "targets")) };
}

/**
 * Whether the newest verified metadata of a role names nothing at all, as of a kind that the vendor does not
 * publish. False if that cannot be found out. Reads one file.
 */
export async function isEmptyRole(dirs: DataDir, repository: Repository, role: string): Promise<boolean> {
  const [number = 0] = await setNumbers(dirs, repository);
  const file = path.join(dirs.metadata, repository, String(number), `${role}.json`);
  try {
    const { targets } = JSON.parse((await readIfThere(file))?.toString() ?? "").signed;
    return Object.keys(targets).length === 0;
  } catch {
    return false;
  }
}

/**
 * The set to start a refresh from: the trusted one, chained from the shipped root. A root other than the one
 * the set was started from (an agent updated with a newer one) starts a new set that keeps the rest, since
 * files that the new root does not vouch for will not load. The chain of roots is kept only where the new
 * root is part of it: another publisher's would never be followed.
 *
 * @throws NearsourceError of the storage phase
 */
export async function openTrustedSet(
  dirs: DataDir,
  repository: Repository,
  shippedRoot: Buffer,
): Promise<TrustedSet> {
  const found = await readTrustedSet(dirs, repository);
  // A run that died between the new set's name and the end of the old one left both.
  const [, ...older] = await setNumbers(dirs, repository);
  await removeSets(dirs, repository, older);
  const start = startFrom(found, repository, shippedRoot);
  return start === found ? found : await writeTrustedSet(dirs, repository, start);
}

/** The set to start from, with nothing written; the very one that was found, where it began with this root. */
export function startFrom(
  found: TrustedSet | undefined,
  repository: Repository,
  shippedRoot: Buffer,
): TrustedSet {
  if (found?.files.get("root.json")?.equals(shippedRoot) === true) return found;
  const kept = [...(found?.files ?? [])];
  const inChain = kept.some(([name, bytes]) => isNumberedRoot(name) && bytes.equals(shippedRoot));
  const files = new Map(kept.filter(([name]) => inChain || !isNumberedRoot(name)));
  files.set("root.json", shippedRoot);
  return { repository, folder: found?.folder ?? "", files, documents: found?.documents ?? new Map() };
}

/**
 * Makes a set the trusted one: complete and durable before its name appears, and the older ones gone
 * only after that.
 *
 * @param signal ends it before the set counts: of thousands of documents each has to reach the disk
 * @throws NearsourceError of the storage phase; the signal's reason
 */
export async function writeTrustedSet(
  dirs: DataDir,
  repository: Repository,
  { files, documents }: Pick<TrustedSet, "files" | "documents">,
  signal?: AbortSignal,
): Promise<TrustedSet> {
  return await guardStorage(`cannot write the ${repository} metadata`, async () => {
    const home = path.join(dirs.metadata, repository);
    await makeFolder(home);
    const older = await setNumbers(dirs, repository);
    const staged = temporaryName(dirs.tmp, `metadata-${repository}`);
    await fs.mkdir(staged, { mode: 0o755 });
    for (const [name, bytes] of files) await writeDurably(path.join(staged, name), bytes);
    await writeDocuments(staged, documents, signal);
    await syncFolder(staged);
    const folder = path.join(home, String((older[0] ?? 0) + 1));
    await rename(staged, folder);
    await syncFolder(home);
    // The first set is in a new folder, whose own name has to last too.
    if (older.length === 0) await syncFolder(dirs.metadata);
    await removeSets(dirs, repository, older);
    return { repository, folder, files, documents };
  });
}

async function removeSets(dirs: DataDir, repository: Repository, numbers: number[]): Promise<void> {
  for (const number of numbers) {
    await remove(path.join(dirs.metadata, repository, String(number)));
  }
}

/** Whether a metadata file is a root of the chain, such as `7.root.json`. */
export function isNumberedRoot(name: string): boolean {
  return /^\d+\.root\.json$/.test(name);
}

async function setNumbers(dirs: DataDir, repository: Repository): Promise<number[]> {
  const names = await listFolder(path.join(dirs.metadata, repository));
  const numbers = names.filter((name) => /^[1-9]\d*$/.test(name)).map(Number);
  return numbers.sort((a, b) => b - a);
}

async function writeDocuments(
  staged: string,
  documents: ReadonlyMap<string, Buffer>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const folders = new Set<string>();
  for (const [target, bytes] of documents) {
    signal?.throwIfAborted();
    const file = path.join(staged, "targets", ...target.split("/"));
    await fs.mkdir(path.dirname(file), { recursive: true, mode: 0o755 });
    await writeDurably(file, bytes);
    for (let folder = path.dirname(file); folder !== staged; folder = path.dirname(folder))
      folders.add(folder);
  }
  for (const folder of folders) await syncFolder(folder);
}

async function readDocuments(folder: string, prefix = ""): Promise<Map<string, Buffer>> {
  const documents = new Map<string, Buffer>();
  for (const entry of await entriesOf(folder)) {
    const place = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      for (const [target, bytes] of await readDocuments(place, `${prefix}${entry.name}/`))
        documents.set(target, bytes);
    } else {
      const bytes = await readIfThere(place);
      if (bytes !== undefined) documents.set(prefix + entry.name, bytes);
    }
  }
  return documents;
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await fs.readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw toStorageError(`cannot read ${folder}`, error);
  }
}

/** The name, version and expiry of a repository's metadata file, for people; undefined when unreadable. */
export function describeRole(bytes: Buffer | undefined): RoleState | undefined {
  try {
    const { version, expires, signed_at: signedAt } = JSON.parse(bytes?.toString() ?? "").signed;
    return { version, expires, ...(typeof signedAt === "string" ? { signedAt } : {}) };
  } catch {
    return undefined;
  }
}

export interface RoleState {
  version: number;
  /** ISO 8601. */
  expires: string;
  /** Time of its signature, where the publisher gives it (docs/publishing.md). ISO 8601. */
  signedAt?: string;
}
