/**
 * The container of a `bsdiff` delta (docs/protocol.md): a header, then the control, diff and extra
 * streams, each a Zstandard frame (RFC 8878). The control stream is a row of instructions, each three
 * variable-length integers.
 */

const MAGIC = Buffer.from("NSBSDIF1", "latin1");

/** Bytes of the header. */
export const BSDIFF_HEADER = MAGIC.length + 3 * 8;

/** Bytes of each compressed stream. */
export interface BsdiffLengths {
  control: number;
  diff: number;
  extra: number;
}

export function writeBsdiffHeader({ control, diff, extra }: BsdiffLengths): Buffer {
  const header = Buffer.alloc(BSDIFF_HEADER);
  MAGIC.copy(header);
  for (const [index, length] of [control, diff, extra].entries()) {
    header.writeBigUInt64LE(BigInt(length), MAGIC.length + index * 8);
  }
  return header;
}

/**
 * Reads the header of a delta of `length` bytes.
 *
 * @throws Error with the reason
 */
export function readBsdiffHeader(header: Buffer, length: number): BsdiffLengths {
  if (header.length < BSDIFF_HEADER || !header.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new Error("it is not a bsdiff delta");
  }
  const [control = 0, diff = 0, extra = 0] = [0, 1, 2].map((index) =>
    Number(header.readBigUInt64LE(MAGIC.length + index * 8)),
  );
  if (BSDIFF_HEADER + control + diff + extra !== length) throw new Error("its streams do not add up");
  return { control, diff, extra };
}

/**
 * One step of the reconstruction. Bytes; `seek` moves in the base before anything is read, and may be
 * negative. Each step makes at least one byte, so that a delta cannot keep a reader busy for nothing.
 */
export interface Instruction {
  seek: number;
  /** Number of bytes of the base, to which those of the diff stream are added. */
  add: number;
  /** Number of bytes of the extra stream. */
  insert: number;
}

export function writeInstruction(into: number[], { seek, add, insert }: Instruction): void {
  writeNumber(into, seek < 0 ? -2 * seek - 1 : 2 * seek);
  writeNumber(into, add);
  writeNumber(into, insert);
}

/** LEB128: seven bits a byte, the lowest first, the eighth bit set where more follow. */
function writeNumber(into: number[], value: number): void {
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) into.push((rest % 128) + 128);
  into.push(rest);
}

/**
 * The instructions of a control stream, from its bytes as they come.
 *
 * @throws Error with the reason
 */
export async function* readInstructions(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Instruction, void> {
  const numbers: number[] = [];
  let value = 0;
  let scale = 1;
  for await (const piece of bytes) {
    for (const byte of piece) {
      value += (byte % 128) * scale;
      if (!Number.isSafeInteger(value)) throw new Error("its control stream has a number that is too large");
      scale *= 128;
      if (byte >= 128) continue;
      numbers.push(value);
      [value, scale] = [0, 1];
      const [seek, add, insert] = numbers;
      if (seek === undefined || add === undefined || insert === undefined) continue;
      if (add + insert === 0) throw new Error("its control stream has an instruction that makes nothing");
      numbers.length = 0;
      yield { seek: seek % 2 === 1 ? -(seek + 1) / 2 : seek / 2, add, insert };
    }
  }
  if (numbers.length > 0 || scale > 1) throw new Error("its control stream ends in the middle");
}
