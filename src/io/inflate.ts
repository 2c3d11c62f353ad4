import { createReadStream } from "node:fs";
import { pipeline } from "node:stream";
import { constants, createZstdDecompress } from "node:zlib";

/** A window that a frame may ask for at most: 2^25 bytes. No frame can make us take more memory. */
const WINDOW_LOG = 25;
/** Pieces in which the result comes. Bytes. */
const PIECE = 262_144;

/** A part of a file that is a Zstandard frame: from `start`, `length` bytes. */
export interface Part {
  file: string;
  start: number;
  length: number;
}

/**
 * What a Zstandard frame (RFC 8878) in a file holds, piece by piece.
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
    params: { [constants.ZSTD_d_windowLogMax]: WINDOW_LOG },
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
