import { createHash } from "node:crypto";
import { type BigIntStats, constants, promises as fs } from "node:fs";
import type { ObjectName } from "../store/partial.ts";

/** Pieces are read in this size (bytes). A reader that is slow holds one of them for as long as it takes. */
export const PIECE = 131_072;

/** An object's file that differs from the signed one: damaged, altered by another program, or gone. */
export class DamagedError extends Error {}

/**
 * Opens an object in the store.
 *
 * @param path where it stands
 * @throws DamagedError when it is not there, or not of the signed length
 */
export async function openVerified(path: string, object: ObjectName): Promise<VerifiedFile> {
  const handle = await fs.open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0)).catch((error) => {
    if (["ENOENT", "ELOOP", "ENOTDIR"].includes(error.code)) throw new DamagedError("it is gone");
    throw error;
  });
  const stats = await handle.stat({ bigint: true });
  if (stats.isFile() && stats.size === BigInt(object.length)) return new VerifiedFile(handle, object, stats);
  await handle.close();
  throw new DamagedError("it has another length");
}

/** Blocks by index: verified, or being so. */
type Proven = Map<number, Promise<void> | true>;

/**
 * A file of the store, open once for all readers, whose bytes leave it only verified. They are verified
 * before they are read: block by block where the manifest names blocks, else the whole file, once; and again
 * whenever the file's size or times have changed since. The file is looked at after every read, so that bytes
 * written in between are noticed.
 */
export class VerifiedFile {
  readonly #handle: fs.FileHandle;
  readonly #length: number;
  readonly #blocks: { size: number; sha256: string[] };
  /** The file as it was when `#proven` was begun. */
  #seen: BigIntStats;
  #proven: Proven = new Map();

  constructor(handle: fs.FileHandle, { length, sha256, blocks }: ObjectName, seen: BigIntStats) {
    this.#handle = handle;
    this.#length = length;
    this.#blocks = blocks ?? { size: Math.max(length, 1), sha256: [sha256] };
    this.#seen = seen;
  }

  /**
   * Reads the bytes from `index * PIECE` on, as many as `into` holds.
   *
   * @throws DamagedError when they are not the signed ones
   */
  async read(index: number, into: Buffer): Promise<void> {
    const { size } = this.#blocks;
    const first = index * PIECE;
    const last = first + into.length;
    for (let tries = 0; tries < 5; tries++) {
      const own = this.#proven;
      for (let block = Math.floor(first / size); block * size < last; block++) await this.#prove(block, own);
      await readInto(this.#handle, into, first);
      if (await this.#isUnchanged(own)) return;
    }
    throw new DamagedError("it changes all the time");
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #prove(block: number, own: Proven): Promise<void> {
    const known = own.get(block);
    if (known === true) return;
    if (known !== undefined) return await known;
    const work = this.#verify(block).then(() => void own.set(block, true));
    own.set(block, work);
    await work;
  }

  async #verify(block: number): Promise<void> {
    const { size, sha256 } = this.#blocks;
    const first = block * size;
    const hash = await hashRange(this.#handle, first, Math.min(first + size, this.#length));
    if (hash !== sha256[block]) throw new DamagedError(`block ${block} is not what was signed`);
  }

  /** Whether the proof in `own` still holds: this reader, or another meanwhile, may notice a change. */
  async #isUnchanged(own: Proven): Promise<boolean> {
    const now = await this.#handle.stat({ bigint: true });
    if (isSame(now, this.#seen)) return own === this.#proven;
    if (now.size !== BigInt(this.#length)) throw new DamagedError("its length changed");
    this.#seen = now;
    this.#proven = new Map();
    return false;
  }
}

function isSame(one: BigIntStats, other: BigIntStats): boolean {
  return one.size === other.size && one.mtimeNs === other.mtimeNs && one.ctimeNs === other.ctimeNs;
}

/** SHA-256 (hex) of a part of a file, in pieces, so that others have their turn in between. */
async function hashRange(handle: fs.FileHandle, first: number, last: number): Promise<string> {
  const hash = createHash("sha256");
  const buffer = Buffer.allocUnsafeSlow(Math.min(PIECE, last - first));
  for (let at = first; at < last; at += PIECE) {
    const piece = buffer.subarray(0, Math.min(PIECE, last - at));
    await readInto(handle, piece, at);
    hash.update(piece);
  }
  return hash.digest("hex");
}

/**
 * Fills a buffer with the bytes from `position` on.
 *
 * @throws DamagedError when the file ends before that
 */
export async function readInto(handle: fs.FileHandle, buffer: Buffer, position: number): Promise<void> {
  for (let done = 0; done < buffer.length; ) {
    const { bytesRead } = await handle.read(buffer, done, buffer.length - done, position + done);
    if (bytesRead === 0) throw new DamagedError("it ends too early");
    done += bytesRead;
  }
}
