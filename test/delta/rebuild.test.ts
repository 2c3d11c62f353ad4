import { execFileSync } from "node:child_process";
import { promises as fs } from "node:fs";
import { constants } from "node:zlib";
import { describe, expect, test } from "vitest";
import { DICTIONARY_LIMIT } from "../../src/core/content/manifest.ts";
import { DCZ_HEADER } from "../../src/delta/dczFormat.ts";
import { dczDelta } from "../../src/delta/dczMake.ts";
import { rebuild } from "../../src/delta/rebuild.ts";
import { packBsdiff } from "../../src/publisher/repository/alternatives.ts";
import type { DataDir } from "../../src/store/dataDir.ts";
import { storePath } from "../../src/store/store.ts";
import {
  bsdiffOf,
  type Delta,
  dczDeltaOf,
  fetched,
  frame,
  named,
  packedBsdiff,
  segmentsOf,
  store,
  zstdDelta,
} from "../support/deltas.ts";
import { newDataDir, noise, sha256 } from "../support/world.ts";

const BASE = noise("base", 200_000);
/** As the base, with a piece more, a piece less and a byte here and there. */
const TARGET = Buffer.concat([
  BASE.subarray(0, 50_000),
  noise("new", 3_000),
  BASE.subarray(60_000, 120_000).map((byte, at) => (at % 5_000 === 0 ? byte + 1 : byte)),
  BASE.subarray(120_000),
]);
const ALL = ["zstd", "dcz", "dcz-segments", "bsdiff"] as const;
type Format = (typeof ALL)[number];
const FROM_BASE = ALL.filter((format) => format !== "zstd");

const deltasMade = new Map<string, Promise<Delta>>();

/** A delta of each format that is as it should be; made once, which takes longer than all that is done with it. */
function deltaOf(format: Format, base: Buffer, target: Buffer): Promise<Delta> {
  const key = `${format} ${sha256(base)} ${sha256(target)}`;
  const delta = deltasMade.get(key) ?? makeDelta(format, base, target);
  deltasMade.set(key, delta);
  return delta;
}

async function makeDelta(format: Format, base: Buffer, target: Buffer): Promise<Delta> {
  if (format === "zstd") return zstdDelta(frame(target));
  if (format === "dcz") return dczDeltaOf(base, target);
  if (format === "dcz-segments") return segmentsOf(base, target, { size: 30_000, margin: 20_000 });
  const object = await packBsdiff(base, target);
  return { alternative: { format, base: sha256(base), ...named(object) }, object };
}

async function apply(dirs: DataDir, delta: Delta, target: Uint8Array): Promise<void> {
  await rebuild(dirs, delta.alternative, await fetched(dirs, delta), named(target));
}

async function expectRebuilt(delta: Delta, base: Buffer, target: Buffer): Promise<void> {
  const dirs = await newDataDir();
  await store(dirs, base);
  await apply(dirs, delta, target);
  expect((await fs.readFile(storePath(dirs, sha256(target)))).equals(target)).toBe(true);
  expect(await fs.readdir(dirs.tmp)).toEqual([]);
}

/** The delta is refused for `reason`, and nothing comes of it. */
async function expectRefused(
  delta: Delta,
  reason: string | RegExp,
  prepare: (dirs: DataDir) => Promise<unknown> = (dirs) => store(dirs, BASE),
  target: Uint8Array = TARGET,
): Promise<void> {
  const dirs = await newDataDir();
  await prepare(dirs);
  await expect(apply(dirs, delta, target)).rejects.toMatchObject({
    code: "DELTA_FAILED",
    message: expect.stringMatching(reason),
  });
  await expect(fs.access(storePath(dirs, sha256(target)))).rejects.toThrow();
  expect(await fs.readdir(dirs.tmp)).toEqual([]);
}

describe.for(ALL)("%s", (format) => {
  const delta = () => deltaOf(format, BASE, TARGET);

  test("makes the file, and leaves nothing else", async () => {
    await expectRebuilt(await delta(), BASE, TARGET);
  });

  test.for([
    ["shorter than the base", BASE, BASE.subarray(100_000, 100_500)],
    ["longer than the base", BASE, Buffer.concat([BASE, BASE, noise("more", 70_000)])],
    ["of no bytes", BASE, Buffer.alloc(0)],
    ["of one byte", BASE, Buffer.from("a")],
    ["that is the base", BASE, BASE],
    ["of zeros from zeros", Buffer.alloc(100_000), Buffer.alloc(123_456)],
    ["from one byte", Buffer.from("b"), TARGET],
    ["with nothing of the base", BASE, noise("other", 90_000)],
  ] as const)("makes a file %s", async ([, base, target]) => {
    await expectRebuilt(await deltaOf(format, base, target), base, target);
  });

  test("made for another file is refused, though its own hash is right", async () => {
    await expectRefused(await deltaOf(format, BASE, noise("wrong", TARGET.length)), "is not the signed file");
  });

  test("that makes less than the file is refused", async () => {
    await expectRefused(
      await deltaOf(format, BASE, TARGET.subarray(0, -1)),
      /is not the signed file|another length/,
    );
  });

  test("that makes more than the file is refused", async () => {
    const more = Buffer.concat([TARGET, Buffer.from([0])]);
    await expectRefused(await deltaOf(format, BASE, more), /more than the file|another length/);
  });

  test("cut short anywhere is refused", async () => {
    const { alternative, object } = await delta();
    const cuts = [0, 1, 8, 31, 32, 40, 41, 100, object.length >> 1, object.length - 5, object.length - 1];
    for (const cut of cuts.filter((at) => at < object.length)) {
      const part = object.subarray(0, cut);
      await expectRefused({ alternative: { ...alternative, ...named(part) }, object: part }, "");
    }
  });

  test("with a bit changed anywhere is refused, or makes the file all the same", async () => {
    const { alternative, object } = await delta();
    const dirs = await newDataDir();
    await store(dirs, BASE);
    for (let at = 0; at < object.length; at += Math.max(1, Math.floor(object.length / 60))) {
      const altered = Buffer.from(object);
      altered[at] = (altered[at] as number) ^ (1 << (at % 8));
      await fs.rm(storePath(dirs, sha256(TARGET)), { force: true });
      const outcome = await apply(dirs, { alternative, object: altered }, TARGET).catch(({ code }) => code);
      expect([undefined, "DELTA_FAILED"], `byte ${at}`).toContain(outcome);
      if (outcome === undefined) {
        expect(sha256(await fs.readFile(storePath(dirs, sha256(TARGET))))).toBe(sha256(TARGET));
      }
      expect(await fs.readdir(dirs.tmp)).toEqual([]);
    }
  });

  test("with bytes after its end is refused, or makes the file all the same", async () => {
    const { alternative, object } = await delta();
    for (const tail of [Buffer.alloc(1), Buffer.alloc(500), noise("tail", 70_000)]) {
      const longer = Buffer.concat([object, tail]);
      const dirs = await newDataDir();
      await store(dirs, BASE);
      const altered = { alternative: { ...alternative, ...named(longer) }, object: longer };
      const outcome = await apply(dirs, altered, TARGET).catch(({ code }) => code);
      expect([undefined, "DELTA_FAILED"]).toContain(outcome);
      expect(await fs.readdir(dirs.tmp)).toEqual([]);
    }
  });

  test("whose object is gone is refused", async () => {
    const dirs = await newDataDir();
    await store(dirs, BASE);
    const { alternative } = await delta();
    await expect(rebuild(dirs, alternative, `${dirs.partial}/none`, named(TARGET))).rejects.toMatchObject({
      code: "DELTA_FAILED",
    });
    expect(await fs.readdir(dirs.tmp)).toEqual([]);
  });

  test("that is interrupted leaves nothing but the delta", async () => {
    const dirs = await newDataDir();
    await store(dirs, BASE);
    const file = await fetched(dirs, await delta());
    const { alternative } = await delta();
    await expect(rebuild(dirs, alternative, file, named(TARGET), AbortSignal.abort())).rejects.toThrow(
      "aborted",
    );
    expect(await fs.readdir(dirs.tmp)).toEqual([]);
    expect(await fs.readdir(dirs.partial)).toEqual([alternative.sha256]);
  });

  test("onto a full disk ends the run: DISK_FULL, and nothing half-made stays", async ({ skip }) => {
    const dirs = await newDataDir();
    await store(dirs, BASE);
    await onSmallTmp(dirs, skip, async () => {
      await expect(apply(dirs, await delta(), TARGET)).rejects.toMatchObject({ code: "DISK_FULL" });
      expect(await fs.readdir(dirs.tmp)).toEqual([]);
    });
  });
});

describe.for(FROM_BASE)("%s from a base", (format) => {
  test("that is missing is refused", async () => {
    await expectRefused(await deltaOf(format, BASE, TARGET), "is not here any more", async () => {});
  });

  test.for([
    ["altered in one bit", Buffer.concat([BASE.subarray(0, -1), Buffer.from([(BASE.at(-1) ?? 0) ^ 1])])],
    ["shorter", BASE.subarray(0, -1)],
    ["longer", Buffer.concat([BASE, Buffer.alloc(1)])],
    ["empty", Buffer.alloc(0)],
  ] as const)("that is %s is refused before anything is made of it", async ([, altered]) => {
    await expectRefused(await deltaOf(format, BASE, TARGET), "was altered", (dirs) =>
      store(dirs, altered, sha256(BASE)),
    );
  });

  test("that is a folder or a link is refused", async () => {
    const delta = await deltaOf(format, BASE, TARGET);
    await expectRefused(delta, "is not here any more", (dirs) =>
      fs.mkdir(storePath(dirs, sha256(BASE)), { recursive: true }),
    );
    await expectRefused(delta, "is not here any more", async (dirs) => {
      await store(dirs, BASE, sha256(TARGET).replace(/^../, sha256(BASE).slice(0, 2)));
      await fs.symlink(sha256(TARGET), storePath(dirs, sha256(BASE)));
      await fs.mkdir(`${dirs.store}/${sha256(BASE).slice(0, 2)}`, { recursive: true });
    });
  });

  test("that the disk cannot read any more is refused, so that the whole file comes", async ({ skip }) => {
    const delta = await deltaOf(format, BASE, TARGET);
    const dirs = await newDataDir();
    await store(dirs, BASE);
    await unreadable(storePath(dirs, sha256(BASE)), skip, async () => {
      await expect(apply(dirs, delta, TARGET)).rejects.toMatchObject({ code: "DELTA_FAILED" });
    });
  });

  test("of no bytes makes the file", async () => {
    const empty = Buffer.alloc(0);
    await expectRebuilt(await deltaOf(format, empty, TARGET), empty, TARGET);
  });

  test("that is another than the delta was made with is refused", async () => {
    const other = noise("other base", BASE.length);
    const target = Buffer.concat([other.subarray(0, 70_000), TARGET]);
    const { alternative, object } = await deltaOf(format, other, target);
    const claimed = { alternative: { ...alternative, base: sha256(BASE) }, object } as Delta;
    await expectRefused(claimed, /from another file|is not the signed file/, undefined, target);
  });
});

describe("zstd", () => {
  test("in two frames makes what both hold", async () => {
    const halves = [TARGET.subarray(0, 70_000), TARGET.subarray(70_000)];
    await expectRebuilt(zstdDelta(Buffer.concat(halves.map((half) => frame(half)))), BASE, TARGET);
  });

  test("with a skippable frame before it makes the file", async () => {
    const skippable = Buffer.from("502a4d1803000000616263", "hex");
    await expectRebuilt(zstdDelta(Buffer.concat([skippable, frame(TARGET)])), BASE, TARGET);
  });

  test("that makes gigabytes of a few bytes is stopped at the length of the file", async () => {
    const bomb = zstdDelta(frame(Buffer.alloc(32_000_000)));
    expect(bomb.object.length).toBeLessThan(5_000);
    await expectRefused(bomb, "more than the file");
  });

  test("that asks for a window beyond the limit is refused before the memory is taken", async () => {
    // A frame without a content size, whose window is 2^41 bytes: descriptor 0x00, window exponent 31.
    const huge = Buffer.concat([Buffer.from("28b52ffd00f8", "hex"), Buffer.alloc(64)]);
    await expectRefused(zstdDelta(huge), "of no use");
    const large = frame(TARGET, undefined, { [constants.ZSTD_c_windowLog]: 27 });
    await expectRebuilt(zstdDelta(large), BASE, TARGET);
  });

  test("without a checksum makes the file, since the whole is hashed", async () => {
    const bare = frame(TARGET, undefined, { [constants.ZSTD_c_checksumFlag]: 0 });
    await expectRebuilt(zstdDelta(bare), BASE, TARGET);
  });
});

describe("dcz", () => {
  test("of the publisher makes the file", async () => {
    const made = await dczDelta(BASE, TARGET);
    expect(made?.format).toBe("dcz");
    const object = made?.bytes ?? Buffer.alloc(0);
    const delta: Delta = { alternative: { format: "dcz", base: sha256(BASE), ...named(object) }, object };
    expect(object.length).toBeLessThan(6_000);
    await expectRebuilt(delta, BASE, TARGET);
  });

  test("from a base that looks like a dictionary of Zstandard's own is not made, and refused", async () => {
    const base = Buffer.concat([Buffer.from("37a430ec", "hex"), BASE]);
    expect(await dczDelta(base, TARGET)).toBeUndefined();
    const foreign = dczDeltaOf(base, TARGET, frame(TARGET));
    await expectRefused(foreign, "", (dirs) => store(dirs, base));
  });

  test("that is a header and nothing else is refused", async () => {
    await expectRefused(dczDeltaOf(BASE, TARGET, Buffer.alloc(0)), "empty");
  });

  test("from a base that is too long to be held in memory is not made in one frame, and refused", async () => {
    const base = Buffer.alloc(DICTIONARY_LIMIT + 1);
    expect((await dczDelta(base, TARGET))?.format).toBe("dcz-segments");
    await expectRefused(dczDeltaOf(base, TARGET), "too long to be held in memory", (dirs) =>
      store(dirs, base),
    );
  });

  test("that makes gigabytes is stopped at the length of the file", async () => {
    const zeros = Buffer.alloc(32_000_000);
    await expectRefused(dczDeltaOf(BASE, TARGET, frame(zeros, BASE)), "more than the file");
  });
});

describe("dcz-segments", () => {
  const SMALL = { size: 30_000, margin: 20_000 };

  test("of the publisher, for a file far longer than its base, makes the file", async () => {
    const base = noise("short base", 1_000_000);
    const target = Buffer.concat([base, Buffer.alloc(20_000_000), base]);
    const made = await dczDelta(base, target);
    if (made?.format !== "dcz-segments") throw new Error(`made ${made?.format}`);
    const { bytes: object, segments } = made;
    expect(segments.lengths).toHaveLength(6);
    await expectRebuilt(
      { alternative: { format: "dcz-segments", base: sha256(base), segments, ...named(object) }, object },
      base,
      target,
    );
  });

  test.for([
    { size: 1, margin: 0 },
    { size: 7, margin: 3 },
    { size: 64, margin: 1_000 },
    { size: 1_000, margin: 0 },
  ])("of $size bytes with $margin to both sides makes the file", async (sizes) => {
    const [base, target] = [BASE.subarray(0, 100), TARGET.subarray(10, 140)];
    await expectRebuilt(segmentsOf(base, target, sizes), base, target);
  });

  test("with two segments in each other's place is refused", async () => {
    const { alternative, object } = segmentsOf(BASE, TARGET, SMALL);
    if (alternative.format !== "dcz-segments") return;
    const [first = 0, second = 0, ...rest] = alternative.segments.lengths;
    const swapped = Buffer.concat([
      object.subarray(first, first + second),
      object.subarray(0, first),
      object.subarray(first + second),
    ]);
    const segments = { ...SMALL, lengths: [second, first, ...rest] };
    const delta = { alternative: { ...alternative, segments, ...named(swapped) }, object: swapped };
    await expectRefused(delta, "from another file");
  });

  test("with a segment that makes more than its share is refused, though the sum is right", async () => {
    const [one, two] = [TARGET.subarray(0, 30_001), TARGET.subarray(30_001, 60_000)];
    const whole = segmentsOf(BASE, TARGET.subarray(0, 60_000), SMALL);
    const slices = [0, 1].map((segment) =>
      BASE.subarray(Math.max(0, segment * 30_000 - 20_000), (segment + 1) * 30_000 + 20_000),
    );
    const pieces = [dczDeltaOf(slices[0] as Buffer, one).object, dczDeltaOf(slices[1] as Buffer, two).object];
    const object = Buffer.concat(pieces);
    const segments = { ...SMALL, lengths: pieces.map(({ length }) => length) };
    const delta = { alternative: { ...whole.alternative, segments, ...named(object) }, object } as Delta;
    await expectRefused(delta, "segment 0", undefined, TARGET.subarray(0, 60_000));
  });

  test("with a segment shorter than a header is refused", async () => {
    const { alternative, object } = segmentsOf(BASE, TARGET, SMALL);
    if (alternative.format !== "dcz-segments") return;
    const lengths = [DCZ_HEADER - 1, ...alternative.segments.lengths.slice(1)];
    await expectRefused(
      { alternative: { ...alternative, segments: { ...SMALL, lengths } }, object },
      "not a dcz",
    );
  });
});

describe("bsdiff", () => {
  const target = Buffer.concat([BASE.subarray(100, 200), Buffer.from("inserted"), BASE.subarray(50, 60)]);
  const control = [
    { seek: 100, add: 100, insert: 8 },
    { seek: -150, add: 10, insert: 0 },
  ];
  const parts = { control, diff: Buffer.alloc(110), extra: Buffer.from("inserted") };

  test("by hand makes the file, forwards and backwards in the base", async () => {
    await expectRebuilt(bsdiffOf(BASE, parts), BASE, target);
  });

  test("adds modulo 256", async () => {
    const base = Buffer.from([250, 5, 128]);
    const made = Buffer.from([4, 4, 0]);
    const delta = bsdiffOf(base, {
      control: [{ seek: 0, add: 3, insert: 0 }],
      diff: Buffer.from([10, 255, 128]),
    });
    await expectRebuilt(delta, base, made);
  });

  test.for([
    ["leads before the base", [{ seek: -1, add: 10, insert: 0 }], "outside the file"],
    ["leads behind the base", [{ seek: BASE.length, add: 1, insert: 0 }], "outside the file"],
    ["runs over the end of the base", [{ seek: BASE.length - 5, add: 6, insert: 0 }], "outside the file"],
    ["leads 2^52 away", [{ seek: 2 ** 51, add: 1, insert: 0 }], "outside the file"],
    ["adds more than the differences", [{ seek: 0, add: 111, insert: 0 }], "too short"],
    ["adds 2^53 - 1 bytes", [{ seek: 0, add: 2 ** 53 - 1, insert: 0 }], "too short|more than|outside"],
    ["inserts more than there is", [{ seek: 0, add: 0, insert: 9 }], "too short"],
    ["inserts 2^53 - 1 bytes", [{ seek: 0, add: 0, insert: 2 ** 53 - 1 }], "too short"],
    ["does nothing at all", [], "not the signed file"],
    ["has an instruction that makes nothing", [{ seek: 1, add: 0, insert: 0 }, ...control], "makes nothing"],
  ] as const)("whose control stream %s is refused", async ([, instructions, reason]) => {
    const delta = bsdiffOf(BASE, { ...parts, control: [...instructions] });
    await expectRefused(delta, new RegExp(reason), undefined, target);
  });

  test.for([
    ["a number above 2^53", Buffer.from("ffffffffffffffffff01", "hex"), "too large"],
    ["a number that never ends", Buffer.alloc(100_000, 0xff), "too large"],
    ["a number written with more bytes than it needs", Buffer.alloc(100_000, 0x80), "too large|needs"],
    ["an instruction cut short", Buffer.from([0, 1]), "in the middle"],
    ["a number cut short", Buffer.from([0, 1, 0x80]), "in the middle"],
  ] as const)("with %s is refused", async ([, bytes, reason]) => {
    await expectRefused(bsdiffOf(BASE, { ...parts, control: bytes }), new RegExp(reason));
  });

  test("with millions of instructions that make nothing is refused at the first", async () => {
    await expectRefused(bsdiffOf(BASE, { control: Buffer.alloc(30_000_000) }), "makes nothing");
  });

  test("whose differences or insertions go on without end is stopped at the length of the file", async () => {
    const zeros = Buffer.alloc(10_000_000);
    const base = Buffer.alloc(1_000);
    const endless = { seek: 0, add: 0, insert: 10_000_000 };
    await expectRefused(bsdiffOf(BASE, { control: [endless], extra: zeros }), "more than the file");
    const delta = bsdiffOf(base, { control: [{ seek: 0, add: 10_000_000, insert: 0 }], diff: zeros });
    await expectRefused(delta, "outside", (dirs) => store(dirs, base));
  });

  test.for(["control", "diff", "extra"] as const)("with an empty %s stream is refused", async (name) => {
    const streams = {
      control: frame(Buffer.from([0, 10, 10])),
      diff: frame(Buffer.alloc(10)),
      extra: frame(Buffer.alloc(10)),
    };
    await expectRefused(packedBsdiff(BASE, { ...streams, [name]: Buffer.alloc(0) }), "empty");
  });

  test.for([
    ["that do not add up", 0, 1n],
    ["of 2^64 - 1 bytes", 8, 2n ** 64n - 1n],
    ["that wrap around to the right sum", 16, -1n],
  ] as const)("with streams %s is refused", async ([, at, value]) => {
    const { alternative, object } = bsdiffOf(BASE, parts);
    const altered = Buffer.from(object);
    altered.writeBigUInt64LE(BigInt.asUintN(64, value), 8 + at);
    await expectRefused({ alternative, object: altered }, "do not add up");
  });

  test("of Percival's own format is refused", async () => {
    const object = Buffer.concat([Buffer.from("BSDIFF40"), Buffer.alloc(100)]);
    await expectRefused(
      { alternative: { format: "bsdiff", base: sha256(BASE), ...named(object) }, object },
      "not a bsdiff delta",
    );
  });
});

/** Runs `work` with room for 128 kB in `tmp`. */
async function onSmallTmp(
  dirs: DataDir,
  skip: (why: string) => void,
  work: () => Promise<void>,
): Promise<void> {
  await mounted(["-t", "tmpfs", "-o", "size=131072,mode=0755", "tmpfs", dirs.tmp], dirs.tmp, skip, work);
}

/** Runs `work` with a file that fails when it is read, as one on a bad sector does. */
async function unreadable(
  file: string,
  skip: (why: string) => void,
  work: () => Promise<void>,
): Promise<void> {
  await mounted(["--bind", "/proc/self/mem", file], file, skip, work);
}

async function mounted(
  parameters: string[],
  place: string,
  skip: (why: string) => void,
  work: () => Promise<void>,
): Promise<void> {
  try {
    execFileSync("mount", parameters, { stdio: "pipe" });
  } catch (error) {
    return skip(`nothing can be mounted here: ${(error as Error).message.split("\n")[1] ?? ""}`);
  }
  try {
    await work();
  } finally {
    execFileSync("umount", [place]);
  }
}
