import { promises as fs } from "node:fs";
import path from "node:path";
import { Metadata, MetadataKind, type Targets } from "@tufjs/models";
import { CONTENT_KINDS } from "../core/kind.ts";
import { hashedTargetPath } from "../core/layout.ts";
import { codeOf, listFolder } from "../io/files.ts";
import { isTemporary } from "./files.ts";
import type { Location } from "./location.ts";
import { objectsOf } from "./manifest.ts";
import { targetsRoles } from "./metadata.ts";
import type { Publication } from "./publication.ts";

/** One snapshot's worth of files: what a reader who began with it may still ask for. */
interface Held {
  snapshot: number;
  roles: Map<string, Metadata<Targets>>;
}

/**
 * Deletes what no reader needs any more: all that neither the current snapshot nor the one before it
 * leads to, and what killed publishers left half-written. Readers in the middle of the previous
 * publication finish. Roots stay for ever, since a client may come back after years. Files that are
 * not named as this publisher names them are left alone.
 *
 * The caller holds the lock. When it cannot be told what the previous snapshot needs, nothing goes.
 *
 * @returns the deleted files
 */
export async function sweep(location: Location, current: Publication): Promise<string[]> {
  const newest: Held = { snapshot: current.snapshot.signed.version, roles: current.roles };
  const before = await readHeldBefore(location, newest.snapshot);
  const held = before === undefined ? [newest] : [newest, before];
  const needed = await neededFiles(location, held);

  const deleted: string[] = [];
  for (const folder of [location.metadata, location.targets, location.objects]) {
    for (const file of await filesBelow(folder)) {
      if (needed.has(file) || !isDisposable(location, file)) continue;
      await fs.rm(file, { force: true });
      deleted.push(file);
    }
  }
  return deleted;
}

/** The newest snapshot below `version` that is still on disk; every such one was published once. */
async function readHeldBefore(location: Location, version: number): Promise<Held | undefined> {
  const versions = (await listFolder(location.metadata))
    .map((name) => Number(/^(\d+)\.snapshot\.json$/.exec(name)?.[1] ?? 0))
    .filter((each) => each > 0 && each < version);
  if (versions.length === 0) return undefined;
  const newest = Math.max(...versions);
  const snapshot = Metadata.fromJSON(
    MetadataKind.Snapshot,
    await readJson(path.join(location.metadata, `${newest}.snapshot.json`)),
  );
  const roles = new Map<string, Metadata<Targets>>();
  for (const role of targetsRoles(location.repository)) {
    const file = `${snapshot.signed.meta[`${role}.json`]?.version}.${role}.json`;
    const json = await readJson(path.join(location.metadata, file));
    roles.set(role, Metadata.fromJSON(MetadataKind.Targets, json));
  }
  return { snapshot: newest, roles };
}

async function neededFiles(location: Location, held: Held[]): Promise<Set<string>> {
  const needed = new Set<string>();
  for (const { snapshot, roles } of held) {
    needed.add(path.join(location.metadata, `${snapshot}.snapshot.json`));
    for (const [role, metadata] of roles) {
      needed.add(path.join(location.metadata, `${metadata.signed.version}.${role}.json`));
      for (const target of Object.values(metadata.signed.targets)) {
        const hashed = hashedTargetPath(target.path, target.hashes.sha256 ?? "");
        const file = path.join(location.targets, ...hashed.split("/"));
        if (needed.has(file)) continue;
        needed.add(file);
        if (!isManifest(target.path)) continue;
        for (const object of objectsOf(await fs.readFile(file))) {
          needed.add(path.join(location.objects, object.slice(0, 2), object));
        }
      }
    }
  }
  return needed;
}

function isManifest(target: string): boolean {
  return CONTENT_KINDS.some((kind) => target.startsWith(`${kind}/`));
}

/** Whether the name of `file` is one that only this publisher gives, and that versions or hashes replace. */
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

async function readJson(file: string) {
  return JSON.parse(await fs.readFile(file, "utf8")) as Parameters<typeof Metadata.fromJSON>[1];
}
