import { promisify } from "node:util";
import { constants, zstdCompress } from "node:zlib";
import pMap from "p-map";
import { DICTIONARY_LIMIT, type Segments } from "../core/content/manifest.ts";
import { sha256 } from "../store/sha256.ts";
import { dictionaryOf, isPlainDictionary, writeDczHeader } from "./dczFormat.ts";

const compress = promisify(zstdCompress);

/** Up to this length (bytes) of the target one frame is cheap enough to apply. */
const ONE_FRAME = 12_582_912;
/** RFC 9842 §4.2: every reader takes a window of 8 MB, or of 1.25 times the dictionary. */
const WINDOW = 8_388_608;
/** Longer ones are cut into segments; see `dictionaryOf`. Bytes. */
const SEGMENT = 4_194_304;
const MARGIN = (DICTIONARY_LIMIT - SEGMENT) / 2;
/** Above this length (bytes) the highest levels would take minutes for little. */
const SLOW = 67_108_864;

/**
 * `bytes` as one Zstandard frame (RFC 8878), checksummed.
 *
 * @param dictionary bytes that the frame may refer to
 */
export async function zstd(bytes: Uint8Array, level: number, dictionary?: Uint8Array): Promise<Buffer> {
  const log = Math.min(26, Math.max(10, Math.ceil(Math.log2(bytes.length + (dictionary?.length ?? 0) + 1))));
  // Without tables as large as the dictionary the encoder would find next to nothing in it.
  const tables =
    dictionary === undefined
      ? { [constants.ZSTD_c_windowLog]: Math.min(log, 24) }
      : {
          [constants.ZSTD_c_windowLog]: log,
          [constants.ZSTD_c_hashLog]: Math.max(log - 1, 6),
          [constants.ZSTD_c_chainLog]: log,
        };
  return await compress(bytes, {
    params: {
      [constants.ZSTD_c_compressionLevel]: level,
      [constants.ZSTD_c_checksumFlag]: 1,
      ...tables,
    },
    ...(dictionary === undefined ? {} : { dictionary }),
  });
}

/** Whole files are compressed at this level: the best that is still done in seconds. */
export function levelFor(length: number): number {
  return length > SLOW ? 12 : 19;
}

/** A delta in the format `dcz` or `dcz-segments`. */
export type DczDelta = { bytes: Buffer } & (
  | { format: "dcz" }
  | { format: "dcz-segments"; segments: Segments }
);

/** The delta from `base` to `target`, or undefined where Zstandard cannot use the base as a dictionary. */
export async function dczDelta(base: Buffer, target: Buffer): Promise<DczDelta | undefined> {
  const fitsOneFrame =
    base.length <= DICTIONARY_LIMIT &&
    target.length <= Math.min(ONE_FRAME, Math.max(WINDOW, 1.25 * base.length));
  if (!fitsOneFrame) return await segmentedDelta(base, target);
  const bytes = await frame(base, target, target.length <= WINDOW / 2 ? [19, 22] : [19]);
  return bytes === undefined ? undefined : { format: "dcz", bytes };
}

async function segmentedDelta(base: Buffer, target: Buffer): Promise<DczDelta | undefined> {
  const level = levelFor(target.length);
  const numbers = Array.from({ length: Math.ceil(target.length / SEGMENT) }, (_, number) => number);
  // node:zlib works in threads of its own; two at a time, since each takes some hundred megabytes.
  const pieces = await pMap(
    numbers,
    (segment) => {
      const { start, end } = dictionaryOf({ size: SEGMENT, margin: MARGIN }, segment, base.length);
      const part = target.subarray(segment * SEGMENT, (segment + 1) * SEGMENT);
      return frame(base.subarray(start, end), part, [level]);
    },
    { concurrency: 2 },
  );
  if (!pieces.every((piece) => piece !== undefined)) return undefined;
  const segments = { size: SEGMENT, margin: MARGIN, lengths: pieces.map((piece) => piece.length) };
  return { format: "dcz-segments", segments, bytes: Buffer.concat(pieces) };
}

/** The smallest that these levels make. */
async function frame(dictionary: Buffer, part: Buffer, levels: number[]): Promise<Buffer | undefined> {
  if (!isPlainDictionary(dictionary)) return undefined;
  const header = writeDczHeader(sha256(dictionary));
  const made = await Promise.all(levels.map((level) => zstd(part, level, dictionary)));
  const [smallest] = made.toSorted((a, b) => a.length - b.length);
  return smallest === undefined ? undefined : Buffer.concat([header, smallest]);
}
