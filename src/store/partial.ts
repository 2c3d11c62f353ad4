import { createHash, type Hash } from "node:crypto";
import { constants, promises as fs } from "node:fs";
import path from "node:path";
import { NearsourceError } from "../errors.ts";
import type { DataDir } from "./dataDir.ts";
import { guardStorage } from "./storageErrors.ts";

/**
 * Objects on their way: files that are continued across sources and runs, and that are never believed
 * further than their hashes go.
 */

/** An object as signed metadata names it. */
export interface ObjectName {
  sha256: string;
  /** Bytes. */
  length: number;
  blocks?: { size: number; sha256: string[] } | undefined;
}

/** Size of the pieces (bytes) in which the file is read. */
const READ_SIZE = 1 << 20;

/** Bytes of an object that an earlier transfer left here. */
export async function partialLength(dirs: DataDir, object: ObjectName): Promise<number> {
  const found = await fs.lstat(partialPath(dirs, object)).catch(() => undefined);
  return Math.min(found?.size ?? 0, object.length);
}

/** Path of an object while it is being transferred. */
export function partialPath(dirs: DataDir, { sha256 }: ObjectName): string {
  return path.join(dirs.partial, sha256);
}

/** Progress of an object: `position` bytes are in `hash`; those up to `proven` are the signed ones. */
interface Progress {
  position: number;
  hash: Hash;
  /** Hash of the block that `position` is in. */
  block: Hash;
  proven: { position: number; hash: Hash };
}

/** A partial file, with `position` bytes on disk. */
export interface PartialFile extends Progress {
  handle: fs.FileHandle;
}

/**
 * Opens the bytes that an earlier transfer left of an object, or nothing. They are hashed again before they
 * count.
 *
 * @throws NearsourceError of the storage phase
 */
export async function openPartial(dirs: DataDir, object: ObjectName): Promise<PartialFile> {
  const file = partialPath(dirs, object);
  return await guardStorage(`cannot write ${file}`, async () => {
    const { O_RDWR, O_CREAT } = constants;
    const handle = await fs.open(file, O_RDWR | O_CREAT | (constants.O_NOFOLLOW ?? 0), 0o600);
    const partial: PartialFile = { handle, ...nothingYet() };
    try {
      await rehash(partial, object);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return partial;
  });
}

function nothingYet(): Progress {
  const [hash, block, empty] = [createHash("sha256"), createHash("sha256"), createHash("sha256")];
  return { position: 0, hash, block, proven: { position: 0, hash: empty } };
}

/**
 * Hashes the bytes that an earlier transfer left; cuts the file back at the first block that is not the
 * signed one.
 */
async function rehash(partial: PartialFile, object: ObjectName): Promise<void> {
  const { size } = await partial.handle.stat();
  if (size === 0) return;
  const buffer = Buffer.allocUnsafe(Math.min(READ_SIZE, object.length));
  while (partial.position < Math.min(size, object.length)) {
    const length = Math.min(buffer.length, object.length - partial.position);
    const { bytesRead } = await partial.handle.read(buffer, 0, length, partial.position);
    if (bytesRead === 0) break;
    if (!advance(partial, buffer.subarray(0, bytesRead), object)) return await rewind(partial);
  }
  await partial.handle.truncate(partial.position);
}

/** Takes `data`, which is on disk, into the hashes. False at a block that is not the signed one. */
function advance(partial: Progress, data: Buffer, object: ObjectName): boolean {
  const { blocks } = object;
  for (let at = 0; at < data.length; ) {
    const { position } = partial;
    const end = blocks === undefined ? Infinity : position - (position % blocks.size) + blocks.size;
    const piece = data.subarray(at, at + Math.min(end, object.length) - position);
    at += piece.length;
    partial.hash.update(piece);
    partial.position += piece.length;
    if (blocks === undefined) continue;
    partial.block.update(piece);
    if (partial.position < Math.min(end, object.length)) continue;
    if (partial.block.digest("hex") !== blocks.sha256[Math.floor(position / blocks.size)]) return false;
    partial.block = createHash("sha256");
    partial.proven = { position: partial.position, hash: partial.hash.copy() };
  }
  return true;
}

/**
 * Passes over bytes that are here already, where a source begins at an earlier byte `first`. Those from the
 * very beginning are compared with the bytes here, so that other ones are found out in time.
 *
 * @returns a function that takes pieces in order and returns the new part of each; undefined at bytes that
 *   differ
 */
export function passOver(
  { position, hash }: PartialFile,
  first: number,
  object: ObjectName,
): (piece: Buffer) => Buffer | undefined {
  const seen = first === 0 && position > 0 ? nothingYet() : undefined;
  const here = hash.copy().digest("hex");
  let at = first;
  return (piece) => {
    if (at === position) return piece;
    const known = piece.subarray(0, position - at);
    at += known.length;
    if (seen === undefined) return piece.subarray(known.length);
    const isSigned = advance(seen, known, object);
    const isSame = at < position || seen.hash.digest("hex") === here;
    return isSigned && isSame ? piece.subarray(known.length) : undefined;
  };
}

/** Back to the last byte that is known to be good. Nothing may be on its way to the file. */
export async function rewind(partial: PartialFile): Promise<void> {
  await guardStorage("cannot cut back a partial file", () =>
    partial.handle.truncate(partial.proven.position),
  );
  partial.position = partial.proven.position;
  partial.hash = partial.proven.hash.copy();
  partial.block = createHash("sha256");
}

/** Forgets everything. */
export async function startOver(partial: PartialFile): Promise<void> {
  Object.assign(partial, nothingYet());
  await rewind(partial);
}

/**
 * Begins to write the next bytes, and takes them into the hashes meanwhile: the disk works in a thread of its
 * own. `data` is to stay as it is until `written`, and nothing else is written until then.
 *
 * @returns `isSigned` false at a block that is not the signed one; the caller is to rewind
 */
export function append(
  partial: PartialFile,
  data: Buffer,
  object: ObjectName,
): { isSigned: boolean; written: Promise<void> } {
  const { handle, position } = partial;
  const written = guardStorage(`cannot write ${object.sha256}`, () => writeAt(handle, data, position));
  return { isSigned: advance(partial, data, object), written };
}

/** Writes all of `data` at `position`, however little a call takes. */
export async function writeAt(handle: fs.FileHandle, data: Buffer, position: number): Promise<void> {
  for (let done = 0; done < data.length; ) {
    const { bytesWritten } = await handle.write(data, done, data.length - done, position + done);
    done += bytesWritten;
  }
}

/** Whether the file is the object; if it is not, it is cut back to its proven bytes. */
export async function isWhole(partial: PartialFile, object: ObjectName): Promise<boolean> {
  if (partial.hash.copy().digest("hex") === object.sha256) return true;
  const everyBlockFits = object.blocks !== undefined && partial.proven.position === object.length;
  await (everyBlockFits ? startOver(partial) : rewind(partial));
  if (!everyBlockFits) return false;
  throw new NearsourceError(
    "MANIFEST_INVALID",
    `the blocks signed for ${object.sha256} are not those of that file`,
    {
      hint: "tell the publisher: the manifest contradicts itself",
    },
  );
}
