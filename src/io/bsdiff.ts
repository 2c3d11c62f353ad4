import type { FileHandle } from "node:fs/promises";
import { BSDIFF_HEADER, readBsdiffHeader, readInstructions } from "../core/bsdiffFormat.ts";
import { inflate, readPart } from "./inflate.ts";

/** The base is read in pieces of this size (bytes), wherever the instructions lead. */
const WINDOW = 262_144;

/**
 * The file that a bsdiff delta (docs/protocol.md) makes of `base`, piece by piece. However large the
 * base, a window of it is all that is in memory.
 *
 * @param delta a file of `length` bytes
 * @throws Error when the delta is damaged, or leads outside the base
 */
export async function* applyBsdiff(
  base: FileHandle,
  { file, length }: { file: string; length: number },
): AsyncGenerator<Buffer, void> {
  const header = await readPart({ file, start: 0, length: BSDIFF_HEADER });
  const { control, diff, extra } = readBsdiffHeader(header, length);
  const inserted = pull(inflate({ file, start: BSDIFF_HEADER + control + diff, length: extra }));
  const differences = pull(inflate({ file, start: BSDIFF_HEADER + control, length: diff }));
  const baseBytes = windowOf(base, (await base.stat()).size);
  let at = 0;
  try {
    for await (const { seek, add, insert } of readInstructions(
      inflate({ file, start: BSDIFF_HEADER, length: control }),
    )) {
      at += seek;
      for await (const piece of differences.take(add)) {
        yield await addTo(piece, at, baseBytes);
        at += piece.length;
      }
      yield* inserted.take(insert);
    }
  } finally {
    await Promise.all([differences.close(), inserted.close()]);
  }
}

/** Adds the bytes of the base from `at` on to the differences, where they stand. */
async function addTo(piece: Buffer, at: number, base: BaseBytes): Promise<Buffer> {
  for (let done = 0; done < piece.length; ) {
    const from = await base.from(at + done);
    const length = Math.min(from.length, piece.length - done);
    for (let index = 0; index < length; index++) {
      piece[done + index] = (piece[done + index] as number) + (from[index] as number);
    }
    done += length;
  }
  return piece;
}

interface BaseBytes {
  /** What there is from a position on; at least one byte. */
  from(at: number): Promise<Buffer>;
}

function windowOf(base: FileHandle, size: number): BaseBytes {
  const window = Buffer.allocUnsafe(WINDOW);
  let start = 0;
  let length = 0;
  return {
    async from(at) {
      if (at < 0 || at >= size) throw new Error("it leads outside the file it starts from");
      if (at < start || at >= start + length) {
        // A little of what comes before, since the next instruction often leads back a few bytes.
        start = Math.max(0, at - WINDOW / 8);
        length = (await base.read(window, 0, WINDOW, start)).bytesRead;
        if (at >= start + length) throw new Error("the file it starts from is shorter than it was");
      }
      return window.subarray(at - start, length);
    },
  };
}

/** Takes bytes from a stream in the lengths that are asked for. */
function pull(stream: AsyncGenerator<Buffer, void>) {
  let rest: Buffer = Buffer.alloc(0);
  async function* take(length: number): AsyncGenerator<Buffer, void> {
    for (let left = length; left > 0; ) {
      if (rest.length === 0) {
        const { value, done } = await stream.next();
        if (done === true) throw new Error("one of its streams is too short");
        rest = value;
      }
      const piece = rest.subarray(0, left);
      rest = rest.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }
  return { take, close: () => stream.return() };
}
