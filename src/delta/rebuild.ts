import { createHash } from "node:crypto";
import { constants, promises as fs } from "node:fs";
import { type Alternative, DICTIONARY_LIMIT, type Segments } from "../core/content/manifest.ts";
import { NearsourceError } from "../errors.ts";
import type { DataDir } from "../store/dataDir.ts";
import { temporaryName } from "../store/durable.ts";
import { type ObjectName, writeAt } from "../store/partial.ts";
import { sha256 } from "../store/sha256.ts";
import { guardStorage } from "../store/storageErrors.ts";
import { adopt, hashFile, storePath } from "../store/store.ts";
import { applyBsdiff } from "./bsdiffApply.ts";
import { checkDczHeader, DCZ_HEADER, dictionaryOf } from "./dczFormat.ts";
import { inflate, readPart } from "./inflate.ts";

/**
 * Makes the object `result` of a compressed form or a delta, and puts it into the store. Nothing is believed:
 * the base is hashed before it is used, and the result must have the signed length and SHA-256. The memory it
 * takes does not grow with the files (docs/protocol.md).
 *
 * @param from the fetched object of `alternative`, as a file
 * @throws NearsourceError DELTA_FAILED when it does not come out right; of the storage phase
 */
export async function rebuild(
  dirs: DataDir,
  alternative: Alternative,
  from: string,
  result: ObjectName,
  signal?: AbortSignal,
): Promise<void> {
  const file = temporaryName(dirs.tmp, "rebuilt");
  try {
    const contents = asDeltaErrors(contentsOf(dirs, alternative, from, result.length), alternative.format);
    await writeChecked(file, untilAborted(contents, signal), result, alternative.format);
    await adopt(dirs, file, result.sha256);
  } finally {
    await fs.rm(file, { force: true });
  }
}

async function* untilAborted(
  pieces: AsyncIterable<Buffer>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Buffer, void> {
  for await (const piece of pieces) {
    signal?.throwIfAborted();
    yield piece;
  }
}

async function writeChecked(
  file: string,
  contents: AsyncIterable<Buffer>,
  result: ObjectName,
  format: string,
): Promise<void> {
  const handle = await guardStorage(`cannot write ${file}`, () => fs.open(file, "wx", 0o600));
  const hash = createHash("sha256");
  let length = 0;
  try {
    for await (const piece of contents) {
      if (length + piece.length > result.length) throw failed(format, "it makes more than the file");
      hash.update(piece);
      await guardStorage(`cannot write ${file}`, () => writeAt(handle, piece, length));
      length += piece.length;
    }
    if (length !== result.length || hash.digest("hex") !== result.sha256) {
      throw failed(format, "what it makes is not the signed file");
    }
    await guardStorage(`cannot write ${file}`, () => handle.sync());
  } finally {
    await handle.close();
  }
}

/**
 * Errors of the decoders all mean one thing: this way does not lead to the file. That holds for a base that
 * the disk cannot read any more, too: the whole file needs none.
 */
async function* asDeltaErrors(pieces: AsyncIterable<Buffer>, format: string): AsyncGenerator<Buffer, void> {
  try {
    yield* pieces;
  } catch (error) {
    throw failed(format, (error as Error).message, error);
  }
}

function failed(format: string, reason: string, cause?: unknown): NearsourceError {
  const options = cause === undefined ? {} : { cause };
  return new NearsourceError(
    "DELTA_FAILED",
    `the ${format} form of the file is of no use: ${reason}`,
    options,
  );
}

function contentsOf(
  dirs: DataDir,
  alternative: Alternative,
  file: string,
  length: number,
): AsyncIterable<Buffer> {
  switch (alternative.format) {
    case "zstd":
      return inflate({ file, start: 0, length: alternative.length });
    case "dcz":
      return fromDictionary(dirs, alternative, file);
    case "dcz-segments":
      return fromSegments(dirs, alternative, file, length);
    case "bsdiff":
      return fromBsdiff(dirs, alternative, file);
  }
}

async function* fromDictionary(
  dirs: DataDir,
  { base, length }: { base: string; length: number },
  file: string,
): AsyncGenerator<Buffer, void> {
  const found = await checkBase(dirs, base);
  if (found.length > DICTIONARY_LIMIT)
    throw new Error("the file it starts from is too long to be held in memory");
  yield* inflateDcz(
    file,
    0,
    length,
    await readPart({ file: storePath(dirs, base), start: 0, length: found.length }),
  );
}

async function* fromSegments(
  dirs: DataDir,
  { base, segments }: { base: string; segments: Segments },
  file: string,
  fileLength: number,
): AsyncGenerator<Buffer, void> {
  const found = await checkBase(dirs, base);
  let at = 0;
  for (const [index, length] of segments.lengths.entries()) {
    const { start, end } = dictionaryOf(segments, index, found.length);
    const dictionary = await readPart({ file: storePath(dirs, base), start, length: end - start });
    let left = Math.min(segments.size, fileLength - index * segments.size);
    for await (const piece of inflateDcz(file, at, length, dictionary)) {
      left -= piece.length;
      yield piece;
    }
    if (left !== 0) throw new Error(`segment ${index} has another length`);
    at += length;
  }
}

/** One dcz stream in a file; its header must name the dictionary, which is given up. */
async function* inflateDcz(
  file: string,
  start: number,
  length: number,
  dictionary: Buffer<ArrayBuffer>,
): AsyncGenerator<Buffer, void> {
  const header = await readPart({ file, start, length: Math.min(DCZ_HEADER, length) });
  checkDczHeader(header, sha256(dictionary));
  yield* inflate({ file, start: start + DCZ_HEADER, length: length - DCZ_HEADER }, dictionary);
}

async function* fromBsdiff(
  dirs: DataDir,
  { base, length }: { base: string; length: number },
  file: string,
): AsyncGenerator<Buffer, void> {
  await checkBase(dirs, base);
  const handle = await fs.open(storePath(dirs, base), READ);
  try {
    yield* applyBsdiff(handle, { file, length });
  } finally {
    await handle.close();
  }
}

const READ = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0);

/** A base that was altered behind our back would decode to garbage, found out only at the end. */
async function checkBase(dirs: DataDir, base: string): Promise<{ length: number }> {
  const found = await hashFile(storePath(dirs, base));
  if (found === undefined) throw new Error("the file it starts from is not here any more");
  if (found.sha256 !== base) throw new Error("the file it starts from was altered");
  return found;
}
