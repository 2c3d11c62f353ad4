import { promises as fs } from "node:fs";
import path from "node:path";
import type { Log } from "../../config/log.ts";
import { listFolder } from "../../store/durable.ts";
import { inStore, sweepStore } from "../../store/store.ts";
import type { CatalogObject } from "../../tree/catalog.ts";
import { BlockPool, type Piece } from "../blockPool.ts";
import { OpenFiles } from "../openFiles.ts";
import { quarantine } from "../quarantine.ts";
import { DamagedError, PIECE } from "../verifiedFile.ts";
import { Fill, type FillParts } from "./fill.ts";

/** Memory (bytes) for pieces, which readers near each other share. */
const POOL = 8_388_608;
/** Most tries to read one piece that find its object damaged: it is fetched again after each but the last. */
const MOST_TRIES = 4;

/** The objects of an Update Agent: in the store, or on their way there. */
export class Objects {
  readonly #parts: FillParts;
  readonly #log: Log;
  readonly #pool = new BlockPool(POOL, PIECE);
  readonly #files: OpenFiles;
  /** Transfers in progress, by SHA-256. */
  readonly #fills = new Map<string, Fill>();
  /** SHA-256 of those in the store. */
  readonly #present = new Set<string>();

  constructor(parts: FillParts, log: Log) {
    this.#parts = parts;
    this.#log = log;
    this.#files = new OpenFiles(parts.dirs);
  }

  /**
   * The verified piece that begins at `index * PIECE`, of the object held, else as it comes from upstream.
   */
  read(object: CatalogObject, index: number, via: string[]): Promise<Piece> | Piece {
    const length = Math.min(PIECE, object.length - index * PIECE);
    return this.#pool.get(`${object.sha256} ${index}`, length, (into) =>
      this.#load(object, index, via, into),
    );
  }

  /** Brings an object into the store, unless it is there. */
  async fill(object: CatalogObject): Promise<void> {
    if (!this.#isWhole(object)) await this.#begin(object, []).done;
  }

  /** Whether it was in the store when last looked at. */
  isHeld({ sha256 }: CatalogObject): boolean {
    return this.#present.has(sha256);
  }

  /** Looks which of these are in the store. */
  async look(objects: Iterable<CatalogObject>): Promise<void> {
    for (const object of objects) {
      if (await inStore(this.#parts.dirs, object)) this.#present.add(object.sha256);
      else if (!this.#fills.has(object.sha256)) this.#present.delete(object.sha256);
    }
  }

  /** Ends the transfers of others that nobody has asked for. */
  abandonOthers(objects: Iterable<CatalogObject>): void {
    const others = new Map(this.#fills);
    for (const { sha256 } of objects) others.delete(sha256);
    for (const fill of others.values()) if (!fill.isWanted) fill.stop();
  }

  /** Deletes all others. */
  async keepOnly(objects: Iterable<CatalogObject>): Promise<void> {
    const { dirs } = this.#parts;
    const keep = new Set(this.#fills.keys());
    for (const { sha256 } of objects) keep.add(sha256);
    for (const sha256 of this.#present) if (!keep.has(sha256)) this.#present.delete(sha256);
    // A file that is deleted takes its room for as long as it is open.
    for (const sha256 of this.#files.hashes()) if (!keep.has(sha256)) this.#forget(sha256);
    await sweepStore(dirs, keep);
    for (const name of await listFolder(dirs.partial)) {
      if (!keep.has(name)) await fs.rm(path.join(dirs.partial, name), { force: true });
    }
  }

  filling(): number {
    return this.#fills.size;
  }

  /** Bytes of these that are not here: neither in the store nor, of those on their way, received. */
  missing(objects: Iterable<CatalogObject>): number {
    let bytes = 0;
    for (const { sha256, length } of objects) {
      if (!this.#present.has(sha256)) bytes += length - (this.#fills.get(sha256)?.come ?? 0);
    }
    return bytes;
  }

  /**
   * Length of the beginning of an object in transfer that is here (bytes); undefined for any other object.
   */
  arrived({ sha256 }: CatalogObject): number | undefined {
    return this.#fills.get(sha256)?.arrived;
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#fills.values()].map(({ done }) => done));
    await this.#files.close();
  }

  #isWhole({ sha256 }: CatalogObject): boolean {
    return this.#present.has(sha256) && !this.#fills.has(sha256);
  }

  async #load(object: CatalogObject, index: number, via: string[], into: Buffer): Promise<void> {
    for (let tries = 1; ; tries++) {
      try {
        if (this.#isWhole(object)) return await this.#files.read(object, index, into);
        const fill = this.#begin(object, via);
        fill.isWanted = true;
        if (await fill.read(index * PIECE, into)) return;
      } catch (error) {
        if (!(error instanceof DamagedError) || tries === MOST_TRIES) throw error;
        await this.#putAway(object, error.message);
      }
    }
  }

  /** The transfer of an object that goes on, or begins now. */
  #begin(object: CatalogObject, via: string[]): Fill {
    const { sha256 } = object;
    const running = this.#fills.get(sha256);
    if (running !== undefined) return running;
    const fill = new Fill(this.#parts, object, via);
    this.#fills.set(sha256, fill);
    fill.done
      .then(() => this.#present.add(sha256))
      .catch(() => {})
      .finally(() => this.#fills.delete(sha256));
    return fill;
  }

  async #putAway(object: CatalogObject, reason: string): Promise<void> {
    this.#forget(object.sha256);
    if (!this.#present.delete(object.sha256)) return;
    this.#parts.stats.quarantined++;
    this.#log.error(`the stored object ${object.sha256} is not served: ${reason}; it is fetched again`);
    await quarantine(this.#parts.dirs, object.sha256);
  }

  #forget(sha256: string): void {
    this.#files.drop(sha256);
    this.#pool.drop(sha256);
  }
}
