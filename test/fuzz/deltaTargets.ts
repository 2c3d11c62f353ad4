import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { promises as fs } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import type { Alternative } from "../../src/core/content/manifest.ts";
import { rebuild } from "../../src/delta/rebuild.ts";
import { NearsourceError } from "../../src/errors.ts";
import { openDataDir } from "../../src/store/openDataDir.ts";
import { storePath } from "../../src/store/store.ts";
import {
  bsdiffOf,
  type Delta,
  dczDeltaOf,
  frame,
  named,
  segmentsOf,
  store,
  zstdDelta,
} from "../support/deltas.ts";
import { type FuzzTarget, unexpected } from "./target.ts";

/** Files of the length of a sentence, so that an input is nearly all format. */
export const BASE = Buffer.from("The quick brown fox jumps over the lazy dog. ".repeat(8));
export const TARGET = Buffer.from("The quick brown cat jumps over the lazy dog. ".repeat(9));

/** Segments of the vectors: the lengths of the pieces stand before them in an input, two bytes each. */
const SIZES = { size: 150, margin: 60 };

/** The objects of deltas in every format, as they come from a source that says their hash is right. */
export function deltaTargets(scratch: string): FuzzTarget[] {
  return [
    target(scratch, "delta-zstd", zstdDelta(frame(TARGET)), (object) => ({
      format: "zstd",
      ...named(object),
    })),
    target(scratch, "delta-dcz", dczDeltaOf(BASE, TARGET), (object) => ({
      format: "dcz",
      base: named(BASE).sha256,
      ...named(object),
    })),
    target(scratch, "delta-bsdiff", goodBsdiff(), (object) => ({
      format: "bsdiff",
      base: named(BASE).sha256,
      ...named(object),
    })),
    segmentsTarget(scratch),
  ];
}

function goodBsdiff(): Delta {
  const diff = TARGET.subarray(0, BASE.length).map((byte, at) => byte - (BASE[at] as number));
  return bsdiffOf(BASE, {
    control: [{ seek: 0, add: BASE.length, insert: TARGET.length - BASE.length }],
    diff,
    extra: TARGET.subarray(BASE.length),
  });
}

function target(
  scratch: string,
  name: string,
  good: Delta,
  alternativeOf: (object: Buffer) => Alternative,
): FuzzTarget {
  const root = path.join(scratch, name);
  return {
    name,
    json: false,
    made: made(good.object),
    check: (input) => check(root, alternativeOf(input), input),
  };
}

/** The length of the first piece (two bytes), the pieces; a manifest whose lengths do not add up is refused before. */
function segmentsTarget(scratch: string): FuzzTarget {
  const root = path.join(scratch, "delta-segments");
  const { object, alternative } = segmentsOf(BASE, TARGET, SIZES);
  const lengths = alternative.format === "dcz-segments" ? alternative.segments.lengths : [];
  const input = Buffer.concat([Buffer.from(Uint16Array.from(lengths).buffer), object]);
  return {
    name: "delta-segments",
    json: false,
    made: made(input),
    check: async (bytes) => {
      const count = Math.ceil(TARGET.length / SIZES.size);
      if (bytes.length < 2 * count) return false;
      const claimed = Array.from({ length: count }, (_, at) => bytes.readUInt16LE(2 * at));
      const rest = bytes.subarray(2 * count);
      if (claimed.includes(0) || claimed.reduce((sum, each) => sum + each, 0) !== rest.length) return false;
      const segments = { ...SIZES, lengths: claimed };
      return await check(
        root,
        { format: "dcz-segments", base: named(BASE).sha256, segments, ...named(rest) },
        rest,
      );
    },
  };
}

/** The good one with its beginning kept, since what follows a wrong magic number is not read. */
function made(good: Buffer): fc.Arbitrary<Buffer> {
  const tail = fc.uint8Array({ maxLength: 200 });
  return fc
    .tuple(fc.nat(good.length), tail)
    .map(([kept, rest]) => Buffer.concat([good.subarray(0, kept), rest]));
}

/** The file comes out, or the error that leads to another way; nothing half-made stays, nothing hangs. */
async function check(root: string, alternative: Alternative, object: Buffer): Promise<boolean> {
  const dirs = await openDataDir(root);
  await store(dirs, BASE);
  const result = named(TARGET);
  const file = path.join(dirs.partial, "object");
  await fs.writeFile(file, object);
  const failure = await rebuild(dirs, alternative, file, result).catch((error: unknown) => error);
  assert.deepEqual(await fs.readdir(dirs.tmp), []);
  const made = await fs.readFile(storePath(dirs, result.sha256)).catch(() => undefined);
  await fs.rm(storePath(dirs, result.sha256), { force: true });
  if (failure === undefined) {
    assert.equal(
      createHash("sha256")
        .update(made ?? "")
        .digest("hex"),
      result.sha256,
    );
    return true;
  }
  assert(failure instanceof NearsourceError && failure.code === "DELTA_FAILED", unexpected(failure));
  assert.equal(made, undefined);
  return false;
}
