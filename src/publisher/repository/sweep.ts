import { promises as fs } from "node:fs";
import path from "node:path";
import { CONTENT_KINDS } from "../../core/content/kind.ts";
import { NearsourceError } from "../../errors.ts";
import { listFolder } from "../../store/durable.ts";
import { codeOf } from "../../store/storageErrors.ts";
import type { Location } from "./location.ts";
import { isTemporary } from "./placeFile.ts";
import type { Publication } from "./publication.ts";
import { objectsOfManifest, targetFile } from "./releases.ts";
import { targetsRoles } from "./signedParts.ts";

/**
 * Time (ms) that a reader may take for a publication it began with, and another publisher for files not yet
 * published.
 */
const READERS_FINISH = 15 * 60_000;

/** The files that a snapshot leads to; an older one is read without being verified. */
interface Held {
  snapshot: number;
  roles: Map<string, HeldRole>;
}

interface HeldRole {
  version: number;
  targets: Record<string, { hashes: Record<string, string> }>;
}

/**
 * Deletes the files that no reader needs any more: all that neither the current snapshot nor one that was
 * replaced within the last 15 minutes leads to, and those that killed publishers left. Younger files stay,
 * except those that this command has placed itself and not published: they may be another publisher's, whom
 * no lock keeps out, as on some network file systems. Roots stay for ever, since a client may come back after
 * years. Files that are not named as this publisher names them are left alone.
 *
 * The caller holds the lock. If the needed files cannot be determined, nothing is deleted. Times are those of
 * the file system: "now" is the time when the current timestamp was placed.
 *
 * @param own the files that this command has placed
 * @returns the deleted files
 */
export async function sweep(
  location: Location,
  current: Publication,
  own: ReadonlySet<string> = new Set(),
): Promise<string[]> {
  const now = await fs.stat(path.join(location.metadata, "timestamp.json"));
  const since = now.mtimeMs - READERS_FINISH;
  const needed = await neededFiles(location, await readHeld(location, current, since));

  const deleted: string[] = [];
  for (const file of await disposableFiles(location)) {
    if (needed.has(file) || (!own.has(file) && (await isYounger(file, since)))) continue;
    await fs.rm(file, { force: true });
    deleted.push(file);
  }
  return deleted;
}

/** Every file with a name that only this publisher gives, and that versions or hashes replace. */
async function disposableFiles(location: Location): Promise<string[]> {
  const names = await listFolder(location.folder);
  const files = names.filter(isTemporary).map((name) => path.join(location.folder, name));
  for (const folder of [location.metadata, location.targets, location.objects]) {
    files.push(...(await filesBelow(folder)).filter((file) => isDisposable(location, file)));
  }
  return files;
}

/** The current publication, and every older one that was replaced after `since`. */
async function readHeld(location: Location, current: Publication, since: number): Promise<Held[]> {
  const { version } = current.snapshot.signed;
  const roles = [...current.roles].map(([role, { signed }]) => [role, signed] as const);
  const held: Held[] = [{ snapshot: version, roles: new Map(roles) }];
  for (let newer = version; await isYounger(snapshotFile(location, newer), since); ) {
    const before = await newestBelow(location, newer);
    if (before === undefined) break;
    held.push(await readSnapshot(location, before));
    newer = before;
  }
  return held;
}

/** Whether `file` was placed after `since`: the file in its place was in force until then. */
async function isYounger(file: string, since: number): Promise<boolean> {
  return (await fs.lstat(file)).mtimeMs >= since;
}

/** The newest snapshot below `version` that is on disk; every such one was published once. */
async function newestBelow(location: Location, version: number): Promise<number | undefined> {
  const versions = (await listFolder(location.metadata))
    .map((name) => Number(/^(\d+)\.snapshot\.json$/.exec(name)?.[1] ?? 0))
    .filter((each) => each > 0 && each < version);
  return versions.length === 0 ? undefined : Math.max(...versions);
}

async function readSnapshot(location: Location, version: number): Promise<Held> {
  const { meta } = await readSigned<{ meta: Record<string, { version: number }> }>(
    snapshotFile(location, version),
  );
  const roles = new Map<string, HeldRole>();
  for (const role of targetsRoles(location.repository)) {
    const file = `${meta[`${role}.json`]?.version}.${role}.json`;
    roles.set(role, await readSigned(path.join(location.metadata, file)));
  }
  return { snapshot: version, roles };
}

async function neededFiles(location: Location, held: Held[]): Promise<Set<string>> {
  const needed = new Set<string>();
  for (const [index, { snapshot, roles }] of held.entries()) {
    needed.add(snapshotFile(location, snapshot));
    for (const [role, { version, targets }] of roles) {
      needed.add(path.join(location.metadata, `${version}.${role}.json`));
      for (const [target, { hashes }] of Object.entries(targets)) {
        const file = targetFile(location, target, hashes.sha256 ?? "");
        if (needed.has(file)) continue;
        needed.add(file);
        if (!isManifest(target)) continue;
        for (const object of await objectsNamedIn(file, index > 0)) {
          needed.add(path.join(location.objects, object.slice(0, 2), object));
        }
      }
    }
  }
  return needed;
}

/** The objects that a manifest leads to; none from one that is missing in a publication that was replaced. */
async function objectsNamedIn(manifest: string, replaced: boolean): Promise<Set<string>> {
  try {
    return objectsOfManifest(await fs.readFile(manifest));
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    if (replaced) return new Set();
    throw new NearsourceError("REPOSITORY_INVALID", `the manifest ${manifest} is missing`);
  }
}

function snapshotFile(location: Location, version: number): string {
  return path.join(location.metadata, `${version}.snapshot.json`);
}

function isManifest(target: string): boolean {
  return CONTENT_KINDS.some((kind) => target.startsWith(`${kind}/`));
}

function isDisposable(location: Location, file: string): boolean {
  const name = path.basename(file);
  if (isTemporary(name)) return true;
  const folder = path.dirname(file);
  if (folder === location.metadata) return /^\d+\.(?!root\.)[a-z]+\.json$/.test(name);
  if (folder.startsWith(location.targets)) return /^[0-9a-f]{64}\./.test(name);
  return /^[0-9a-f]{64}$/.test(name) && path.basename(folder) === name.slice(0, 2);
}

async function filesBelow(folder: string): Promise<string[]> {
  try {
    const entries = await fs.readdir(folder, { recursive: true, withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  } catch (error) {
    if (codeOf(error) === "ENOENT") return [];
    throw error;
  }
}

async function readSigned<Signed>(file: string): Promise<Signed> {
  return (JSON.parse(await fs.readFile(file, "utf8")) as { signed: Signed }).signed;
}
