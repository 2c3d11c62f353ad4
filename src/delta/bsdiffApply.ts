import type { FileHandle } from "node:fs/promises";
import { BSDIFF_HEADER, readBsdiffHeader, readInstructions } from "./bsdiffFormat.ts";
import { inflate, readPart } from "./inflate.ts";

/** The base is read in pieces of this size (bytes) at most, wherever the instructions lead. */
const WINDOW = 262_144;
/** Bytes read around the requested place, since the next instruction often leads nearby. */
const AROUND = 8_192;

/**
 * The file that a bsdiff delta (docs/protocol.md) makes of `base`, piece by piece, each good until the next
 * is asked for. However large the base, a window of it is all that is in memory. Instructions are many
 * and short, so nothing is waited for where the bytes are there.
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
  const insertions = readAhead(inflate({ file, start: BSDIFF_HEADER + control + diff, length: extra }));
  const differences = readAhead(inflate({ file, start: BSDIFF_HEADER + control, length: diff }));
  const baseBytes = windowOf(base, (await base.stat()).size);
  const block = Buffer.allocUnsafe(WINDOW);
  let [at, filled] = [0, 0];
  try {
    for await (const { seek, add, insert } of readInstructions(
      inflate({ file, start: BSDIFF_HEADER, length: control }),
    )) {
      at += seek;
      for (let left = add + insert; left > 0; ) {
        if (filled === block.length) {
          yield block;
          filled = 0;
        }
        const room = block.subarray(filled);
        const adds = left > insert;
        const stream = adds ? differences : insertions;
        if (stream.ready.length === 0) await stream.more();
        const from = adds ? (baseBytes.at(at) ?? (await baseBytes.load(at, left - insert))) : undefined;
        const bytes = stream.ready.subarray(0, adds ? left - insert : left);
        const made = from === undefined ? bytes.copy(room) : addInto(room, bytes, from);
        stream.ready = stream.ready.subarray(made);
        filled += made;
        left -= made;
        if (adds) at += made;
      }
    }
    if (filled > 0) yield block.subarray(0, filled);
  } finally {
    await Promise.all([differences.close(), insertions.close()]);
  }
}

/** Writes the sums of two rows of bytes as far as all three go, and returns how far that is. */
function addInto(sums: Buffer, one: Buffer, other: Buffer): number {
  const length = Math.min(sums.length, one.length, other.length);
  for (let index = 0; index < length; index++) {
    sums[index] = (one[index] as number) + (other[index] as number);
  }
  return length;
}

function windowOf(base: FileHandle, size: number) {
  const window = Buffer.allocUnsafe(WINDOW);
  let [start, length] = [0, 0];
  /** The window's bytes from a position on; undefined where it has none of them. */
  const at = (position: number): Buffer | undefined =>
    position >= start && position < start + length ? window.subarray(position - start, length) : undefined;
  /** The same, after the window was moved there; `wanted` bytes of it will be asked for. */
  const load = async (position: number, wanted: number): Promise<Buffer> => {
    if (position < 0 || position >= size) throw new Error("it leads outside the file it starts from");
    start = Math.max(0, position - AROUND);
    const end = Math.min(position + wanted + AROUND, start + WINDOW);
    length = (await base.read(window, 0, end - start, start)).bytesRead;
    const found = at(position);
    if (found === undefined) throw new Error("the file it starts from is shorter than it was");
    return found;
  };
  return { at, load };
}

/** A stream of which some bytes are `ready`; a reader takes some and leaves the rest. */
function readAhead(stream: AsyncGenerator<Buffer, void>) {
  const ahead = {
    ready: Buffer.alloc(0) as Buffer,
    async more(): Promise<void> {
      const { value, done } = await stream.next();
      if (done === true) throw new Error("one of its streams is too short");
      ahead.ready = value;
    },
    close: () => stream.return(),
  };
  return ahead;
}
