import { promises as fs } from "node:fs";
import path from "node:path";
import type { Repository } from "../../core/content/layout.ts";
import { NearsourceError } from "../../errors.ts";

/** The web root and the keys; every function of the publisher takes these two. */
export interface RepositoryPlace {
  /** The web root, known to agents as a source's base URL. */
  dir: string;
  /** Folder with one folder of keys for each repository. `<dir>.keys` by default. */
  keysDir?: string | undefined;
}

/** The folders of one repository, all absolute. */
export interface Location {
  repository: Repository;
  /** The web root, above the repository. */
  base: string;
  folder: string;
  metadata: string;
  targets: string;
  /** Only the content repository has objects. */
  objects: string;
  /** The private keys of this repository, `publisher.json`, and a lock. */
  keys: string;
}

/** The paths of a repository's parts, without looking at the disk. */
export function locate(place: RepositoryPlace, repository: Repository): Location {
  const base = path.resolve(place.dir);
  const folder = path.join(base, repository);
  return {
    repository,
    base,
    folder,
    metadata: path.join(folder, "metadata"),
    targets: path.join(folder, "targets"),
    objects: path.join(folder, "objects"),
    keys: path.join(path.resolve(place.keysDir ?? `${base}.keys`), repository),
  };
}

/**
 * Refuses keys below the web root, where the web server would hand them to anyone. Symbolic links are
 * seen through.
 *
 * @throws NearsourceError REPOSITORY_INPUT_INVALID
 */
export async function refuseKeysInside(location: Location): Promise<void> {
  const [base, keys] = await Promise.all([realPath(location.base), realPath(location.keys)]);
  if (!isWithin(base, keys)) return;
  throw new NearsourceError(
    "REPOSITORY_INPUT_INVALID",
    `the keys folder ${location.keys} is inside the web root ${location.base}`,
    { hint: "private keys must stand where no web server serves them: choose another --keys" },
  );
}

/**
 * Refuses a web root in which the repository has no folder.
 *
 * @throws NearsourceError REPOSITORY_INVALID
 */
export async function refuseMissing(location: Location): Promise<void> {
  const stats = await fs.stat(location.folder).catch(() => undefined);
  if (stats?.isDirectory() === true) return;
  throw new NearsourceError(
    "REPOSITORY_INVALID",
    `no ${location.repository} repository in ${location.base}`,
    {
      hint: `is this the web root, and is it mounted? make a repository with: nearsource repo init --${location.repository}`,
    },
  );
}

/**
 * The folder, of `folder` and those above it, that keeps other accounts out, as the web server's is one;
 * undefined where none does.
 */
export async function closedFolder(folder: string): Promise<string | undefined> {
  if (process.platform === "win32") return undefined;
  const { mode } = await fs.stat(folder);
  const above = path.dirname(folder);
  if (above !== folder) {
    const closed = await closedFolder(above);
    if (closed !== undefined) return closed;
  }
  return (mode & 0o001) === 0 ? folder : undefined;
}

/** Whether `inner` is `outer` or stands somewhere below it; both absolute. */
export function isWithin(outer: string, inner: string): boolean {
  const relative = path.relative(outer, inner);
  return (
    relative === "" ||
    (relative !== ".." && !relative.startsWith(`..${path.sep}`) && !path.isAbsolute(relative))
  );
}

/** The real path of `file`, which need not exist yet: links above it are resolved as far as there are any. */
export async function realPath(file: string): Promise<string> {
  try {
    return await fs.realpath(file);
  } catch {
    const parent = path.dirname(file);
    return parent === file ? file : path.join(await realPath(parent), path.basename(file));
  }
}
