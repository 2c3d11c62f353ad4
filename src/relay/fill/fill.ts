import { promises as fs } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { objectPath } from "../../core/content/layout.ts";
import { NearsourceError, toNearsourceError } from "../../errors.ts";
import { withHeaders } from "../../http/client.ts";
import type { Fetcher } from "../../http/fetcher.ts";
import { viaEntry } from "../../http/via.ts";
import { type DownloadOptions, downloadObject } from "../../source/download.ts";
import { inOrder, type Tried } from "../../source/inOrder.ts";
import type { Turn } from "../../source/oneAtATime.ts";
import { retrying } from "../../source/retry.ts";
import { fetchAlone, linkOver, takePart } from "../../source/sharedObjects.ts";
import type { Source } from "../../source/source.ts";
import type { DataDir } from "../../store/dataDir.ts";
import { partialLength, partialPath } from "../../store/partial.ts";
import { inStore, storePath } from "../../store/store.ts";
import type { CatalogObject } from "../../tree/catalog.ts";
import type { DiskSpace } from "../diskSpace.ts";
import type { RelayStats } from "../stats.ts";
import { DamagedError, readInto } from "../verifiedFile.ts";
import type { AbsentObjects } from "./absentObjects.ts";
import type { Upstreams } from "./upstreams.ts";

export interface FillParts {
  dirs: DataDir;
  /** The agent's own data directory: objects in its store are not fetched. */
  own: DataDir;
  fetcher: Fetcher;
  upstreams: Upstreams;
  space: DiskSpace;
  stats: RelayStats;
  /** Called with the length of each piece that comes from upstream. */
  received(bytes: number): void;
  /** One file is put together at a time, since each may take much memory. */
  inTurn: Turn;
  /** The objects that upstream was found not to have. */
  absent: AbsentObjects;
  /** Ends all of them. */
  signal: AbortSignal;
  /** This agent's name in `Via`. */
  pseudonym: string;
}

/** Pause (ms) before a reader that met a moment of change looks again. */
const MOMENT = 20;

/**
 * The transfer of one object into the store, for all that wait for it: from the agent's own, else from
 * upstream, source after source, each continuing the bytes of the one before.
 */
export class Fill {
  /** Settles with the whole in the store, or with the error of the last source. */
  readonly done: Promise<void>;
  /** Whether a client has asked for it. */
  isWanted = false;
  readonly #dirs: DataDir;
  readonly #object: CatalogObject;
  readonly #stopping = new AbortController();
  readonly #waiting = new Set<() => void>();
  #proven = 0;
  #come = 0;
  /** Number of times that the file was begun again: bytes read across such a change may be wrong. */
  #epoch = 0;
  #ended: { failure?: unknown } | undefined;

  /** @param via the names that the request that caused it came through */
  constructor(parts: FillParts, object: CatalogObject, via: string[]) {
    this.#dirs = parts.dirs;
    this.#object = object;
    const signal = AbortSignal.any([parts.signal, this.#stopping.signal]);
    const onProgress = (length: number) => {
      this.#come = length;
    };
    const onProven = (length: number) => this.#prove(length);
    this.done = fillObject({ ...parts, signal }, object, via, { onProven, onProgress });
    this.done.then(
      () => this.#end({}),
      (failure) => this.#end({ failure }),
    );
  }

  /** Length of its beginning that is known to be the signed bytes (bytes). */
  get arrived(): number {
    return this.#proven;
  }

  /** Length that has come (bytes), proven or not yet. */
  get come(): number {
    return Math.max(this.#proven, this.#come);
  }

  /**
   * Reads the bytes from `first` on, once they are known to be the signed ones; false when the whole is in
   * the store.
   */
  async read(first: number, into: Buffer): Promise<boolean> {
    for (;;) {
      if (this.#ended !== undefined) {
        if ("failure" in this.#ended) throw this.#ended.failure;
        return false;
      }
      if (this.#proven < first + into.length) {
        await new Promise<void>((go) => this.#waiting.add(go));
        continue;
      }
      const began = this.#epoch;
      if ((await readPartial(this.#dirs, this.#object, first, into)) && this.#epoch === began) return true;
      await sleep(MOMENT);
    }
  }

  /** Ends it; the bytes that have come stay for the next. */
  stop(): void {
    this.#stopping.abort();
  }

  #prove(length: number): void {
    if (length < this.#proven) this.#epoch++;
    this.#proven = length;
    this.#wake();
  }

  #end(how: { failure?: unknown }): void {
    this.#ended = how;
    this.#wake();
  }

  #wake(): void {
    for (const go of this.#waiting) go();
    this.#waiting.clear();
  }
}

/** False when the file is just being cut back, or moved into the store. */
async function readPartial(
  dirs: DataDir,
  object: CatalogObject,
  first: number,
  into: Buffer,
): Promise<boolean> {
  const handle = await fs.open(partialPath(dirs, object), "r").catch((error) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  try {
    if (handle === undefined) return false;
    await readInto(handle, into, first);
    return true;
  } catch (error) {
    if (error instanceof DamagedError) return false;
    throw error;
  } finally {
    await handle?.close();
  }
}

async function fillObject(
  parts: FillParts,
  object: CatalogObject,
  via: string[],
  callbacks: Pick<DownloadOptions, "onProven" | "onProgress">,
): Promise<void> {
  if (await takeOver(parts, object)) return;
  await fetchAlone(parts.own.root, object, parts.signal, async () => {
    // The agent's run may have fetched it meanwhile.
    if (await takeOver(parts, object)) return;
    if (await makeOfHeld(parts, object)) return;
    parts.absent.check(object);
    await takePart(parts.own, parts.dirs, object);
    await parts.space.require(object.length - (await partialLength(parts.dirs, object)));
    await fetchFromUpstream(parts, object, via, callbacks);
  });
}

async function fetchFromUpstream(
  parts: FillParts,
  object: CatalogObject,
  via: string[],
  callbacks: Pick<DownloadOptions, "onProven" | "onProgress">,
): Promise<void> {
  const { dirs, upstreams, stats, signal } = parts;
  const names = [...via, parts.pseudonym].map(viaEntry).join(", ");
  const fetcher = withHeaders(parts.fetcher, { via: names });
  const onReceived = (length: number) => {
    stats.upstream.bytes += length;
    parts.received(length);
  };
  let last = new NearsourceError("NOT_OFFERED", `no source is known that has ${object.sha256.slice(0, 12)}…`);
  const needed = new Set(object.kinds);
  const fetch = async (source: Source): Promise<Tried> => {
    const url = `${source.url}/${objectPath(object.sha256)}`;
    const options = { viaProxy: source.viaProxy, signal, onReceived, ...callbacks };
    await retrying(parts, async () => {
      stats.upstream.objects++;
      await downloadObject(dirs, fetcher, url, object, options);
    });
    return { delivered: object.kinds, errors: [] };
  };
  const onErrors = (source: Source, [error = last]: NearsourceError[]) => {
    stats.upstream.failures++;
    last = error;
    upstreams.failed(source, error, `filling ${object.sha256.slice(0, 12)}…`);
  };
  await inOrder(upstreams.of(object.kinds), needed, fetch, { onErrors });
  if (needed.size === 0) return;
  parts.absent.note(object, last);
  throw last;
}

/**
 * Makes a file of its compressed form, or of a delta and the file before, if those are here: bytes that the
 * link has carried in one form need not come in another.
 */
async function makeOfHeld(
  { dirs, space, stats, signal, inTurn }: FillParts,
  object: CatalogObject,
): Promise<boolean> {
  for (const alternative of object.alternatives ?? []) {
    if (!(await inStore(dirs, alternative))) continue;
    const { rebuild } = await import("../../delta/rebuild.ts");
    try {
      await space.require(object.length);
      await inTurn(() => rebuild(dirs, alternative, storePath(dirs, alternative.sha256), object, signal));
      stats.made++;
      return true;
    } catch (error) {
      if (toNearsourceError(error).code !== "DELTA_FAILED") throw error;
    }
  }
  return false;
}

/** Finds an object in this store, where a run may have put it, or links it over from the agent's own. */
async function takeOver({ dirs, own, stats }: FillParts, object: CatalogObject): Promise<boolean> {
  if (await inStore(dirs, object)) return true;
  if (!(await inStore(own, object)) || !(await linkOver(own, dirs, object))) return false;
  stats.linked++;
  return true;
}
