import { createHash } from "node:crypto";
import { type BigIntStats, constants, promises as fs } from "node:fs";
import type { ObjectName } from "../store/partial.ts";

/** Pieces are read in this size (bytes). A reader that is slow holds one of them for as long as it takes. */
export const PIECE = 131_072;

/** An object's file is not what was signed: damaged, altered behind our back, or gone. */
export class DamagedError extends Error {}

/** A file of the store, open once for however many readers, whose bytes leave it only verified. */
export interface HeldObject {
  /** Reads what begins at `index * PIECE`, as much as there is to be filled. */
  read(index: number, into: Buffer): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens an object in the store. What is read is verified first: block by block where the manifest names
 * blocks, else the whole file, once; and again whenever the file's size, times or inode have changed
 * since. The file is looked at after every read, so that what was written in between is noticed.
 *
 * @param file where it stands
 * @throws DamagedError when it is not there, or not of the signed length
 */
export async function openHeld(file: string, object: ObjectName): Promise<HeldObject> {
  const handle = await fs.open(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0)).catch((error) => {
    if (["ENOENT", "ELOOP", "ENOTDIR"].includes(error.code)) throw new DamagedError("it is gone");
    throw error;
  });
  const { size, sha256 } = object.blocks ?? { size: Math.max(object.length, 1), sha256: [object.sha256] };
  let seen = await handle.stat({ bigint: true });
  if (!seen.isFile() || seen.size !== BigInt(object.length)) {
    await handle.close();
    throw new DamagedError("it has another length");
  }
  /** Blocks by index: verified, or being so. */
  let proven = new Map<number, Promise<void> | true>();

  const prove = async (block: number, own: typeof proven): Promise<void> => {
    const known = own.get(block);
    if (known === true) return;
    if (known !== undefined) return await known;
    const first = block * size;
    const work = hashRange(handle, first, Math.min(first + size, object.length)).then((hash) => {
      if (hash !== sha256[block]) throw new DamagedError(`block ${block} is not what was signed`);
      own.set(block, true);
    });
    own.set(block, work);
    await work;
  };
  /** Whether what was proven in `own` still holds: this reader, or another meanwhile, may notice a change. */
  const isUnchanged = async (own: typeof proven) => {
    const now = await handle.stat({ bigint: true });
    if (isSame(now, seen)) return own === proven;
    if (now.size !== BigInt(object.length)) throw new DamagedError("its length changed");
    seen = now;
    proven = new Map();
    return false;
  };
  const read = async (index: number, into: Buffer): Promise<void> => {
    const first = index * PIECE;
    const last = first + into.length;
    for (let tries = 0; tries < 5; tries++) {
      const own = proven;
      for (let block = Math.floor(first / size); block * size < last; block++) await prove(block, own);
      await readInto(handle, into, first);
      if (await isUnchanged(own)) return;
    }
    throw new DamagedError("it changes all the time");
  };
  return { read, close: () => handle.close() };
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
 * Fills a buffer with what begins at `position`.
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
