import { promises as fs } from "node:fs";
import path from "node:path";
import { CONTENT_KINDS, type ContentKind } from "../../src/core/content/kind.ts";
import { objectPath, type Repository } from "../../src/core/content/layout.ts";
import type { DataDir } from "../../src/store/dataDir.ts";
import { type Generation, listGenerations, readCurrent } from "../../src/store/generations/generations.ts";
import { readState } from "../../src/store/state/state.ts";
import type { State } from "../../src/store/state/stateFormat.ts";
import { readTrustedSet } from "../../src/tuf/trustedSet.ts";
import { readTree, sha256 } from "../support/world.ts";
import type { History } from "./history.ts";

/** The content of a data directory. */
export interface Observed {
  installed: Generation | undefined;
  generations: number[];
  /** SHA-256 of the files below `current`, hashed again, by `kind/name` and path. */
  files: Record<string, Record<string, string>>;
  trusted: Record<Repository, Trusted>;
  /** Objects in the store, and those on their way. */
  store: Set<string>;
  partial: Map<string, Partial>;
  state: State;
}

export interface Trusted {
  files: Map<string, Buffer>;
  documents: Map<string, Buffer>;
}

/** `good` is whether the bytes so far are those of the object. */
export interface Partial {
  length: number;
  good: boolean;
}

export async function observe(dirs: DataDir, history: History): Promise<Observed> {
  const stored = await readTree(dirs.store);
  return {
    installed: await readCurrent(dirs),
    generations: await listGenerations(dirs),
    files: await hashInstalled(dirs),
    trusted: { content: await trustedOf(dirs, "content"), settings: await trustedOf(dirs, "settings") },
    store: new Set(Object.keys(stored).map((file) => path.basename(file))),
    partial: await partialsOf(dirs, history),
    state: await readState(dirs),
  };
}

async function hashInstalled(dirs: DataDir): Promise<Observed["files"]> {
  const files: Observed["files"] = {};
  const target = await fs.realpath(path.join(dirs.root, "current")).catch(() => undefined);
  if (target === undefined) return files;
  for (const [file, bytes] of Object.entries(await readTree(target))) {
    const [kind = "", name = "", ...rest] = file.split(path.sep);
    if (!CONTENT_KINDS.includes(kind as ContentKind)) continue;
    const key = `${kind}/${name}`;
    files[key] = { ...files[key], [rest.join("/")]: sha256(bytes) };
  }
  return files;
}

async function trustedOf(dirs: DataDir, repository: Repository): Promise<Trusted> {
  const set = await readTrustedSet(dirs, repository);
  return { files: new Map(set?.files), documents: new Map(set?.documents) };
}

async function partialsOf(dirs: DataDir, { publications }: History): Promise<Observed["partial"]> {
  const found: Observed["partial"] = new Map();
  for (const [hash, bytes] of Object.entries(await readTree(dirs.partial))) {
    const holder = publications.find(({ tree }) => tree.has(objectPath(hash)));
    const whole = holder?.tree.get(objectPath(hash));
    found.set(hash, { length: bytes.length, good: whole?.subarray(0, bytes.length).equals(bytes) === true });
  }
  return found;
}

/** Installed releases by `kind/name`. */
export function releasesOf({ installed }: Observed): Record<string, number> {
  const components = installed?.components ?? [];
  return Object.fromEntries(components.map(({ kind, name, release }) => [`${kind}/${name}`, release]));
}
