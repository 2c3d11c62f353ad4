import { promises as fs } from "node:fs";
import path from "node:path";
import { constants, zstdCompressSync } from "node:zlib";
import type { Alternative, Segments } from "../../src/core/content/manifest.ts";
import { type Instruction, writeBsdiffHeader, writeInstruction } from "../../src/delta/bsdiffFormat.ts";
import { dictionaryOf, writeDczHeader } from "../../src/delta/dczFormat.ts";
import type { DataDir } from "../../src/store/dataDir.ts";
import type { ObjectName } from "../../src/store/partial.ts";
import { storePath } from "../../src/store/store.ts";
import { sha256 } from "./world.ts";

/** A way to a file as a manifest names it, with the bytes of its object. */
export interface Delta {
  alternative: Alternative;
  object: Buffer;
}

/** A Zstandard frame, checksummed, at the encoder's lowest effort; `params` are laid over. */
export function frame(
  bytes: Uint8Array,
  dictionary?: Uint8Array,
  params: Record<number, number> = {},
): Buffer {
  return zstdCompressSync(bytes, {
    params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1, ...params },
    ...(dictionary === undefined ? {} : { dictionary }),
  });
}

export function named(bytes: Uint8Array): ObjectName {
  return { length: bytes.length, sha256: sha256(bytes) };
}

export function zstdDelta(object: Buffer): Delta {
  return { alternative: { format: "zstd", ...named(object) }, object };
}

/** A dcz delta: the header for `base`, then `body`, by default the frame that makes `target` of it. */
export function dczDeltaOf(base: Buffer, target: Buffer, body = frame(target, base)): Delta {
  const object = Buffer.concat([writeDczHeader(sha256(base)), body]);
  return { alternative: { format: "dcz", base: sha256(base), ...named(object) }, object };
}

/** A delta in segments as small as a test likes. */
export function segmentsOf(
  base: Buffer,
  target: Buffer,
  { size, margin }: Pick<Segments, "size" | "margin">,
): Delta {
  const pieces = Array.from({ length: Math.ceil(target.length / size) }, (_, segment) => {
    const { start, end } = dictionaryOf({ size, margin }, segment, base.length);
    return dczDeltaOf(base.subarray(start, end), target.subarray(segment * size, (segment + 1) * size))
      .object;
  });
  const object = Buffer.concat(pieces);
  const segments = { size, margin, lengths: pieces.map(({ length }) => length) };
  return { alternative: { format: "dcz-segments", base: sha256(base), segments, ...named(object) }, object };
}

/** A bsdiff delta of these instructions and streams, valid or not. */
export function bsdiffOf(
  base: Buffer,
  parts: { control: Instruction[] | Buffer; diff?: Uint8Array; extra?: Uint8Array },
): Delta {
  const bytes: number[] = [];
  if (!Buffer.isBuffer(parts.control)) for (const each of parts.control) writeInstruction(bytes, each);
  const control = frame(Buffer.isBuffer(parts.control) ? parts.control : Buffer.from(bytes));
  const [diff, extra] = [frame(parts.diff ?? Buffer.alloc(0)), frame(parts.extra ?? Buffer.alloc(0))];
  return packedBsdiff(base, { control, diff, extra });
}

/** The same of streams that are compressed already. */
export function packedBsdiff(
  base: Buffer,
  { control, diff, extra }: Record<"control" | "diff" | "extra", Buffer>,
): Delta {
  const lengths = { control: control.length, diff: diff.length, extra: extra.length };
  const object = Buffer.concat([writeBsdiffHeader(lengths), control, diff, extra]);
  return { alternative: { format: "bsdiff", base: sha256(base), ...named(object) }, object };
}

/** Puts an object into the store, as an earlier run would have. */
export async function store(dirs: DataDir, bytes: Uint8Array, name = sha256(bytes)): Promise<void> {
  const file = storePath(dirs, name);
  await fs.mkdir(path.dirname(file), { recursive: true });
  await fs.writeFile(file, bytes);
}

/** Lays a delta's object where a finished transfer leaves it. */
export async function fetched(dirs: DataDir, { alternative, object }: Delta): Promise<string> {
  const file = path.join(dirs.partial, alternative.sha256);
  await fs.writeFile(file, object);
  return file;
}
