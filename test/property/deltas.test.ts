import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  BSDIFF_HEADER,
  type Instruction,
  readBsdiffHeader,
  readInstructions,
  writeBsdiffHeader,
  writeInstruction,
} from "../../src/delta/bsdiffFormat.ts";
import { bsdiff } from "../../src/delta/bsdiffMake.ts";
import { checkDczHeader, DCZ_HEADER, dictionaryOf, writeDczHeader } from "../../src/delta/dczFormat.ts";
import { suffixArray } from "../../src/delta/suffixArray.ts";

const few = fc.uint8Array({ max: 2, maxLength: 200 });
const many = fc.uint8Array({ maxLength: 200 });
const periodic = fc
  .tuple(fc.uint8Array({ max: 3, minLength: 1, maxLength: 6 }), fc.nat(40), few)
  .map(([unit, times, end]) =>
    Uint8Array.from([
      ...Array(times)
        .fill([...unit])
        .flat(),
      ...end,
    ]),
  );
const text = fc.oneof(few, many, periodic);

describe("the suffix array of any bytes", () => {
  test("is the order of their suffixes", () => {
    fc.assert(
      fc.property(text, (bytes) => {
        const whole = Buffer.from(bytes);
        const naive = [...bytes.keys()].sort((a, b) => whole.subarray(a).compare(whole.subarray(b)));
        expect([...suffixArray(bytes)]).toEqual(naive);
      }),
      { numRuns: 1_500 },
    );
  });

  test.for([
    ["all the same", (_: number): number => 7],
    ["of two letters in turn", (at: number): number => at % 2],
    ["that rise", (at: number): number => at >> 8],
    ["that fall", (at: number): number => 255 - (at >> 8)],
    [
      "of Fibonacci's word",
      (at: number): number =>
        Math.floor((at + 2) / 1.618033988749895) - Math.floor((at + 1) / 1.618033988749895),
    ],
  ] as const)("is in order for 60,000 bytes %s", ([, byteAt]) => {
    const bytes = Buffer.from(Array.from({ length: 60_000 }, (_, at) => byteAt(at)));
    const sorted = suffixArray(bytes);
    expect(new Set(sorted).size).toBe(bytes.length);
    for (let rank = 1; rank < sorted.length; rank++) {
      const [before, here] = [sorted[rank - 1] as number, sorted[rank] as number];
      if (bytes.compare(bytes, here, bytes.length, before, bytes.length) >= 0)
        throw new Error(`at rank ${rank}`);
    }
  });
});

/** The file that the three streams make of `base`, done as plainly as the protocol says it. */
async function applied(
  base: Uint8Array,
  streams: { control: Buffer; diff: Buffer; extra: Buffer },
): Promise<Buffer> {
  const made: number[] = [];
  let [at, diffAt, extraAt] = [0, 0, 0];
  for await (const { seek, add, insert } of readInstructions(piecesOf(streams.control, 5))) {
    at += seek;
    for (let step = 0; step < add; step++, at++) {
      if (base[at] === undefined) throw new Error(`leads to ${at} of ${base.length}`);
      made.push(((base[at] as number) + (streams.diff[diffAt++] as number)) % 256);
    }
    made.push(...streams.extra.subarray(extraAt, extraAt + insert));
    extraAt += insert;
  }
  expect([diffAt, extraAt]).toEqual([streams.diff.length, streams.extra.length]);
  return Buffer.from(made);
}

async function* piecesOf(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** A file and one that came of it: pieces moved, dropped, altered, new. */
const relatives = fc
  .tuple(
    fc.uint8Array({ minLength: 0, maxLength: 600 }),
    fc.array(
      fc.oneof(
        fc.record({
          from: fc.nat(600),
          length: fc.nat(300),
          plus: fc.constantFrom(0, 0, 1),
          every: fc.integer({ min: 2, max: 50 }),
        }),
        text,
      ),
      { maxLength: 6 },
    ),
  )
  .map(([base, parts]) => {
    const pieces = parts.map((part) =>
      part instanceof Uint8Array
        ? part
        : base
            .subarray(part.from, part.from + part.length)
            .map((byte, at) => (at % part.every === 0 ? byte + part.plus : byte)),
    );
    return { base: Buffer.from(base), target: Buffer.concat(pieces) };
  });

describe("bsdiff", () => {
  test("leads from any file to any relative of it", async () => {
    await fc.assert(
      fc.asyncProperty(relatives, async ({ base, target }) => {
        expect((await applied(base, bsdiff(base, target))).equals(target)).toBe(true);
      }),
      { numRuns: 1_500 },
    );
  });

  test("leads from anything to anything", async () => {
    await fc.assert(
      fc.asyncProperty(text, text, async (base, target) => {
        const made = await applied(base, bsdiff(Buffer.from(base), Buffer.from(target)));
        expect(made.equals(target)).toBe(true);
      }),
      { numRuns: 1_500 },
    );
  });
});

const count = fc.oneof(fc.nat(300), fc.nat(2 ** 31 - 1), fc.maxSafeInteger().map(Math.abs));
const instruction: fc.Arbitrary<Instruction> = fc
  .record({
    seek: fc.oneof(
      fc.integer({ min: -300, max: 300 }),
      fc.integer({ min: -(2 ** 52) + 1, max: 2 ** 52 - 1 }),
    ),
    add: count,
    insert: count,
  })
  .filter(({ add, insert }) => add + insert > 0);

describe("the formats of deltas", () => {
  test("instructions that are written are read, however the bytes come in", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(instruction), fc.integer({ min: 1, max: 40 }), async (all, size) => {
        const bytes: number[] = [];
        for (const each of all) writeInstruction(bytes, each);
        expect(bytes.every((byte) => byte >= 0 && byte < 256)).toBe(true);
        const read = await Array.fromAsync(readInstructions(piecesOf(Buffer.from(bytes), size)));
        expect(read).toEqual(all.map(({ seek, ...rest }) => ({ seek: seek + 0, ...rest })));
      }),
    );
  });

  test("any bytes are instructions, each of which makes something, or are refused", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 60 }), async (bytes) => {
        const reading = Array.fromAsync(readInstructions(piecesOf(Buffer.from(bytes), 7)));
        const read = await reading.catch((error: Error) => error.message);
        if (typeof read === "string") {
          expect(read).toMatch(/^its control stream /);
          return;
        }
        for (const { seek, add, insert } of read) {
          expect([seek, add, insert].every(Number.isSafeInteger) && add >= 0 && insert >= 0).toBe(true);
          expect(add + insert).toBeGreaterThan(0);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  test("a bsdiff header that is written is read, and no other length fits it", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.nat(), fc.integer(), (control, diff, extra, off) => {
        const header = writeBsdiffHeader({ control, diff, extra });
        const length = BSDIFF_HEADER + control + diff + extra;
        expect(readBsdiffHeader(header, length)).toEqual({ control, diff, extra });
        if (off !== 0) expect(() => readBsdiffHeader(header, length + off)).toThrow("add up");
        expect(() => readBsdiffHeader(header.subarray(1), length)).toThrow("not a bsdiff delta");
      }),
    );
  });

  test("a dcz header that is written fits its dictionary, and no other", () => {
    const sha256 = fc.stringMatching(/^[0-9a-f]{64}$/);
    fc.assert(
      fc.property(sha256, sha256, fc.nat(DCZ_HEADER - 1), (own, other, cut) => {
        const header = writeDczHeader(own);
        expect(header).toHaveLength(DCZ_HEADER);
        expect(checkDczHeader(header, own)).toBeUndefined();
        if (own !== other) expect(() => checkDczHeader(header, other)).toThrow("from another file");
        expect(() => checkDczHeader(header.subarray(0, cut), own)).toThrow("not a dcz delta");
      }),
    );
  });

  test("the dictionary of a segment lies in the base, and is no longer than the segment and both margins", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5_000 }),
        fc.nat(5_000),
        fc.nat(50),
        fc.nat(99_999),
        (size, margin, segment, length) => {
          const { start, end } = dictionaryOf({ size, margin }, segment, length);
          expect(start >= 0 && start <= end && end <= length).toBe(true);
          expect(end - start).toBeLessThanOrEqual(size + 2 * margin);
          // The bytes at the same place in the base, as far as there are any.
          const here = Math.min(segment * size, length);
          if (here < length) expect(start <= here && here < end).toBe(true);
        },
      ),
    );
  });
});
