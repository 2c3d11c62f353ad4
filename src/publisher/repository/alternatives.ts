import path from "node:path";
import { objectPath } from "../../core/content/layout.ts";
import type { Alternative, ManifestFile } from "../../core/content/manifest.ts";
import { writeBsdiffHeader } from "../../delta/bsdiffFormat.ts";
import { bsdiff } from "../../delta/bsdiffMake.ts";
import { dczDelta, levelFor, zstd } from "../../delta/dczMake.ts";
import { readIfThere } from "../../store/durable.ts";
import { sha256 } from "../../store/sha256.ts";
import type { Location } from "./location.ts";
import { makeFolders, type OnFile, placeFile } from "./placeFile.ts";
import type { Session } from "./session.ts";

/** A way to a file that has been made, with the object it needs. */
type Made = { alternative: Alternative; bytes: Buffer };

/** A delta pays when it is smaller than this share of the cheapest other way. */
const DELTA_PAYS = 0.6;
/** A compressed whole pays when it is smaller than this share of the file. */
const COMPRESSION_PAYS = 0.9;
/** Below this length (bytes) of a file no other way saves as much as it costs. */
const TOO_SMALL = 1_024;
/** Above this length (bytes) of a file or a base it is not held in memory for a delta, or for bsdiff. */
const TOO_LARGE = 1_073_741_824;
const TOO_LARGE_FOR_BSDIFF = 268_435_456;

/**
 * The cheaper ways to `file`, where they pay: its compressed whole, and a delta from each of `bases`. Of the
 * two delta formats the smaller wins. The ways that `file` has already are kept; the objects of the new ones
 * are stored.
 *
 * @param bases the same file in earlier releases
 * @param onStep called before each thing is made
 */
export async function addAlternatives(
  { location, onFile, warnings }: Pick<Session, "location" | "onFile" | "warnings">,
  file: ManifestFile,
  bases: Pick<ManifestFile, "sha256" | "length">[],
  onStep: (step: "compress" | "delta") => void = () => undefined,
): Promise<Alternative[]> {
  const { alternatives: known = [] } = file;
  const wanted = bases.filter(({ sha256, length }) => {
    return length > 0 && length <= TOO_LARGE && !known.some((each) => "base" in each && each.base === sha256);
  });
  if (file.length < TOO_SMALL || file.length > TOO_LARGE) return known;
  const target = await readObject(location, file);
  if (target === undefined) throw new Error(`${file.sha256} has just been stored, and is not there`);
  if (known.length === 0) onStep("compress");
  const whole = known.length === 0 ? await compressedWhole(target) : undefined;
  const made = whole === undefined ? [] : [whole];
  const compressed = known.find(({ format }) => format === "zstd")?.length ?? whole?.bytes.length;
  for (const base of wanted) {
    const from = await readObject(location, base);
    if (from === undefined) {
      warnings.push(`no delta from an earlier ${file.path}: the object ${base.sha256} is gone or altered`);
      continue;
    }
    onStep("delta");
    const delta = await smallestDelta(base.sha256, from, target);
    if (delta !== undefined && delta.bytes.length < (compressed ?? file.length) * DELTA_PAYS)
      made.push(delta);
  }
  for (const { alternative, bytes } of made) await storeBytes(location, alternative.sha256, bytes, onFile);
  return [...known, ...made.map(({ alternative }) => alternative)];
}

async function compressedWhole(target: Buffer): Promise<Made | undefined> {
  // A file whose start the lowest level cannot compress, the highest cannot compress either.
  const sample = target.subarray(0, 1_048_576);
  if ((await zstd(sample, 1)).length > sample.length * 0.98) return undefined;
  const bytes = await zstd(target, levelFor(target.length));
  if (bytes.length > target.length * COMPRESSION_PAYS) return undefined;
  return { alternative: { format: "zstd", ...describe(bytes) }, bytes };
}

async function smallestDelta(base: string, from: Buffer, target: Buffer): Promise<Made | undefined> {
  const dcz = await dczDelta(from, target);
  const made: Made[] = [];
  if (dcz !== undefined) {
    const { bytes, ...format } = dcz;
    made.push({ alternative: { ...format, base, ...describe(bytes) }, bytes });
  }
  // Text has moved or changed; only in executables do addresses change everywhere, which bsdiff is for.
  if (isBinary(target) && Math.max(from.length, target.length) <= TOO_LARGE_FOR_BSDIFF) {
    const bytes = await packBsdiff(from, target);
    made.push({ alternative: { format: "bsdiff", base, ...describe(bytes) }, bytes });
  }
  return made.toSorted((a, b) => a.bytes.length - b.bytes.length)[0];
}

function isBinary(bytes: Buffer): boolean {
  return bytes.subarray(0, 8_192).includes(0);
}

/** The delta from `base` to `target` as its object holds it (docs/protocol.md). */
export async function packBsdiff(base: Buffer, target: Buffer): Promise<Buffer> {
  const streams = bsdiff(base, target);
  const pack = (stream: Buffer) => zstd(stream, levelFor(stream.length));
  const control = await pack(streams.control);
  const [diff, extra] = await Promise.all([pack(streams.diff), pack(streams.extra)]);
  const lengths = { control: control.length, diff: diff.length, extra: extra.length };
  return Buffer.concat([writeBsdiffHeader(lengths), control, diff, extra]);
}

function describe(bytes: Buffer): { length: number; sha256: string } {
  return { length: bytes.length, sha256: sha256(bytes) };
}

/** An object's bytes; undefined if they do not match its name. */
async function readObject(location: Location, object: { sha256: string }): Promise<Buffer | undefined> {
  const bytes = await readIfThere(objectFile(location, object.sha256));
  return bytes !== undefined && sha256(bytes) === object.sha256 ? bytes : undefined;
}

async function storeBytes(location: Location, sha256: string, bytes: Buffer, onFile: OnFile): Promise<void> {
  const file = objectFile(location, sha256);
  await makeFolders(path.dirname(file));
  await placeFile(file, bytes);
  onFile(file);
}

function objectFile(location: Location, sha256: string): string {
  return path.join(location.base, ...objectPath(sha256).split("/"));
}
