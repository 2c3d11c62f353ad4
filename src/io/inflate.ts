import { constants, createReadStream, promises as fs } from "node:fs";
import { pipeline } from "node:stream";
import { createZstdDecompress, constants as zlibConstants } from "node:zlib";

/** A window that a frame may ask for at most: 2^25 bytes. No frame can make us take more memory. */
const WINDOW_LOG = 25;
/** Pieces in which the result comes. Bytes. */
const PIECE = 262_144;

/** A part of a file: from `start`, `length` bytes. */
export interface Part {
  file: string;
  start: number;
  length: number;
}

/** A small part as it is; shorter where the file ends before it does. */
export async function readPart({ file, start, length }: Part): Promise<Buffer> {
  const handle = await fs.open(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, start);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/**
 * What the Zstandard frame (RFC 8878) that is a part of a file holds, piece by piece.
 *
 * @param dictionary the bytes that it was made with
 * @throws Error when it is not such a frame, damaged, or cut short
 */
export async function* inflate(
  { file, start, length }: Part,
  dictionary?: Uint8Array,
): AsyncGenerator<Buffer, void> {
  if (length === 0) throw new Error("a compressed stream is empty");
  const frame = createReadStream(file, { start, end: start + length - 1, highWaterMark: PIECE });
  const result = createZstdDecompress({
    chunkSize: PIECE,
    params: { [zlibConstants.ZSTD_d_windowLogMax]: WINDOW_LOG },
    ...(dictionary === undefined ? {} : { dictionary }),
  });
  // Whatever goes wrong comes out where the result is read.
  pipeline(frame, result, () => {});
  try {
    for await (const piece of result) yield piece;
  } finally {
    frame.destroy();
    result.destroy();
  }
}
