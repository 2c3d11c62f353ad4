import { promises as fs } from "node:fs";
import path from "node:path";
import type { Log } from "../../config/log.ts";
import { type DataDir, listFolder, makeFolder } from "../../store/files.ts";
import { inStore, storePath, sweepStore } from "../../store/store.ts";
import type { CatalogObject } from "../../tree/catalog.ts";
import { BlockPool, type Piece } from "../blockPool.ts";
import { DamagedError, type HeldObject, openHeld, PIECE } from "../verifiedFile.ts";
import { type Fill, type FillParts, startFill } from "./fill.ts";

/** The objects of an Update Agent: in the store, or on their way there. */
export interface Objects {
  /** The verified piece that begins at `index * PIECE`, of what is held, else as it comes from upstream. */
  read(object: CatalogObject, index: number, via: string[]): Promise<Piece> | Piece;
  /** Brings an object into the store, unless it is there. */
  fill(object: CatalogObject): Promise<void>;
  /** Whether it was in the store when last looked at. */
  isHeld(object: CatalogObject): boolean;
  /** Looks which of these are in the store. */
  look(objects: Iterable<CatalogObject>): Promise<void>;
  /** Ends the transfers of others that nobody has asked for. */
  abandonOthers(objects: Iterable<CatalogObject>): void;
  /** Deletes all others. */
  keepOnly(objects: Iterable<CatalogObject>): Promise<void>;
  filling(): number;
  /** Bytes of these that are not here: neither in the store nor, of those on their way, received. */
  missing(objects: Iterable<CatalogObject>): number;
  /** How much of an object that is on its way is here, from its beginning (bytes); undefined for any other. */
  arrived(object: CatalogObject): number | undefined;
  close(): Promise<void>;
}

/** Memory (bytes) for pieces: what readers near each other share. */
const POOL = 8_388_608;
/** Files that are open at once, however many read each. */
const MAX_OPEN = 512;
/** Damaged files that are kept for somebody to look at. */
const MAX_QUARANTINED = 4;

interface OpenFile {
  held: Promise<HeldObject>;
  /** Reads under way. */
  users: number;
  /** To be closed once they have ended. */
  dropped: boolean;
}

export function createObjects(parts: FillParts, log: Log): Objects {
  const { dirs, stats } = parts;
  const pool = new BlockPool(POOL, PIECE);
  const open = new Map<string, OpenFile>();
  const fills = new Map<string, Fill & { stop(): void; isWanted: boolean }>();
  const present = new Set<string>();

  /** Its file, with one more user, whom nobody closes it under. */
  const useFile = (object: CatalogObject): OpenFile => {
    const found = open.get(object.sha256);
    open.delete(object.sha256);
    const file: OpenFile = found ?? {
      held: openHeld(storePath(dirs, object.sha256), object),
      users: 0,
      dropped: false,
    };
    file.users++;
    open.set(object.sha256, file);
    if (open.size > MAX_OPEN) closeOldest(open);
    return file;
  };
  const readHeld = async (object: CatalogObject, index: number, into: Buffer): Promise<void> => {
    const file = useFile(object);
    try {
      await (await file.held).read(index, into);
    } catch (error) {
      if (open.get(object.sha256) === file) forget(object.sha256);
      throw error;
    } finally {
      leave(file);
    }
  };
  const forget = (sha256: string) => {
    const file = open.get(sha256);
    open.delete(sha256);
    if (file !== undefined) drop(file);
    pool.drop(sha256);
  };
  const putAway = async (object: CatalogObject, reason: string) => {
    forget(object.sha256);
    if (!present.delete(object.sha256)) return;
    stats.quarantined++;
    log.error(`the stored object ${object.sha256} is not served: ${reason}; it is fetched again`);
    await quarantine(dirs, object.sha256);
  };
  const begin = (object: CatalogObject, via: string[], isWanted: boolean): Fill => {
    const { sha256 } = object;
    const running = fills.get(sha256);
    if (running !== undefined) {
      running.isWanted ||= isWanted;
      return running;
    }
    const stopping = new AbortController();
    const signal = AbortSignal.any([parts.signal, stopping.signal]);
    const fill = startFill({ ...parts, signal }, object, via);
    fills.set(sha256, { ...fill, isWanted, stop: () => stopping.abort() });
    fill.done
      .then(() => present.add(sha256))
      .catch(() => {})
      .finally(() => fills.delete(sha256));
    return fill;
  };
  const load = async (object: CatalogObject, index: number, via: string[], into: Buffer): Promise<void> => {
    for (let tries = 0; ; tries++) {
      try {
        if (!fills.has(object.sha256) && present.has(object.sha256)) {
          return await readHeld(object, index, into);
        }
        if (await begin(object, via, true).read(index * PIECE, into)) return;
      } catch (error) {
        if (!(error instanceof DamagedError) || tries > 2) throw error;
        await putAway(object, error.message);
      }
    }
  };
  return {
    read(object, index, via) {
      const length = Math.min(PIECE, object.length - index * PIECE);
      return pool.get(`${object.sha256} ${index}`, length, (into) => load(object, index, via, into));
    },
    async fill(object) {
      if (fills.has(object.sha256) || !present.has(object.sha256)) await begin(object, [], false).done;
    },
    isHeld: ({ sha256 }) => present.has(sha256),
    async look(objects) {
      for (const object of objects) {
        if (await inStore(dirs, object)) present.add(object.sha256);
        else if (!fills.has(object.sha256)) present.delete(object.sha256);
      }
    },
    abandonOthers(objects) {
      const others = new Map(fills);
      for (const { sha256 } of objects) others.delete(sha256);
      for (const { isWanted, stop } of others.values()) if (!isWanted) stop();
    },
    async keepOnly(objects) {
      const keep = new Set([...fills.keys()]);
      for (const { sha256 } of objects) keep.add(sha256);
      for (const sha256 of present) if (!keep.has(sha256)) present.delete(sha256);
      // A file that is deleted takes its room for as long as it is open.
      for (const sha256 of open.keys()) if (!keep.has(sha256)) forget(sha256);
      await sweepStore(dirs, keep);
      for (const name of await listFolder(dirs.partial)) {
        if (!keep.has(name)) await fs.rm(path.join(dirs.partial, name), { force: true });
      }
    },
    filling: () => fills.size,
    missing(objects) {
      let bytes = 0;
      for (const { sha256, length } of objects) {
        if (!present.has(sha256)) bytes += length - (fills.get(sha256)?.come() ?? 0);
      }
      return bytes;
    },
    arrived: ({ sha256 }) => fills.get(sha256)?.arrived(),
    async close() {
      await Promise.allSettled([...fills.values()].map(({ done }) => done));
      const files = [...open.values()];
      open.clear();
      await Promise.allSettled(files.map(async ({ held }) => (await held).close()));
    },
  };
}

function leave(file: OpenFile): void {
  file.users--;
  closeIfUnused(file);
}

function closeOldest(open: Map<string, OpenFile>): void {
  for (const [sha256, file] of open) {
    if (file.users > 0) continue;
    open.delete(sha256);
    drop(file);
    return;
  }
}

function drop(file: OpenFile): void {
  file.dropped = true;
  closeIfUnused(file);
}

/** Reads that have begun end first. */
function closeIfUnused(file: OpenFile): void {
  if (file.dropped && file.users === 0) file.held.then((held) => held.close()).catch(() => {});
}

/** Moves a damaged file to where an administrator may look at it; only the newest few are kept. */
async function quarantine(dirs: DataDir, sha256: string): Promise<void> {
  const folder = path.join(dirs.root, "quarantine");
  await makeFolder(folder);
  await fs.rename(storePath(dirs, sha256), path.join(folder, sha256)).catch(async () => {
    await fs.rm(storePath(dirs, sha256), { force: true, recursive: true });
  });
  const files = await Promise.all(
    (await listFolder(folder)).map(async (name) => {
      const file = path.join(folder, name);
      return { file, time: (await fs.lstat(file)).ctimeMs };
    }),
  );
  files.sort((one, other) => other.time - one.time);
  for (const { file } of files.slice(MAX_QUARANTINED)) await fs.rm(file, { force: true, recursive: true });
}
