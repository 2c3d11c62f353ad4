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

/** A part that memory can hold, as it is; shorter where the file ends before it does. */
export async function readPart({ file, start, length }: Part): Promise<Buffer<ArrayBuffer>> {
  const handle = await fs.open(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0));
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafeSlow(length), 0, length, start);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/**
 * The content of the Zstandard frame (RFC 8878) that is a part of a file, piece by piece. A piece is good
 * until the next is asked for: its memory is given back then, since some 64 MB of it would gather before the
 * garbage collector takes notice.
 *
 * @param dictionary the bytes that it was made with; given up, since the decoder has a copy of its own
 * @throws Error when it is not such a frame, damaged, or cut short
 */
export async function* inflate(
  { file, start, length }: Part,
  dictionary?: Buffer<ArrayBuffer>,
): AsyncGenerator<Buffer, void> {
  if (length === 0) throw new Error("a compressed stream is empty");
  const frame = createReadStream(file, { start, end: start + length - 1, highWaterMark: PIECE });
  const result = createZstdDecompress({
    chunkSize: PIECE,
    params: { [zlibConstants.ZSTD_d_windowLogMax]: WINDOW_LOG },
    ...(dictionary === undefined ? {} : { dictionary }),
  });
  if (dictionary !== undefined) giveBack(dictionary);
  // Errors are reported where the result is read.
  pipeline(frame, result, () => {});
  try {
    for await (const piece of result) {
      yield piece;
      // The decoder fills one buffer after the other; the piece that ends a buffer is its last use.
      if (piece.byteOffset + piece.length === piece.buffer.byteLength) giveBack(piece);
    }
  } finally {
    frame.destroy();
    result.destroy();
  }
}

/** Frees the memory of bytes that nobody looks at any more, and that share it with no others. */
function giveBack({ buffer }: Buffer<ArrayBuffer>): void {
  buffer.transfer(0);
}
