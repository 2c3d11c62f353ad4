import { type Alternative, DICTIONARY_LIMIT, type ManifestFile, type Release } from "./manifest.ts";

/** One object to fetch, and how `result` is made of it. */
export interface WayStep {
  result: ManifestFile;
  /** Undefined where the object is the file itself. */
  alternative: Alternative | undefined;
}

/** A way to obtain a file: steps to take in order, the last of which results in the file. */
export interface Way {
  steps: WayStep[];
  /** Bytes to fetch. */
  bytes: number;
}

/** The facts that the choice of a way depends on. */
export interface WaySituation {
  /** Files that may stand between a base and the one wanted; see `filesBetween`. */
  between: ReadonlyMap<string, ManifestFile>;
  /** SHA-256 and length in bytes of the files that are here. */
  held: ReadonlyMap<string, number>;
  /** No base longer than this (bytes) is used. */
  maxBase: number;
  /** Bytes of an object that an earlier transfer left here. */
  fetched(object: { sha256: string; length: number }): number;
}

/** Cost of one more request, in bytes: its own, and the wait for it. */
const REQUEST = 2_048;

/** The files of a manifest's releases by SHA-256; of the same file twice, the newest release's ways to it. */
export function filesBetween(releases: Release[]): ReadonlyMap<string, ManifestFile> {
  const oldestFirst = releases.toSorted((a, b) => a.release - b.release);
  return new Map(oldestFirst.flatMap(({ files }) => files.map((file) => [file.sha256, file])));
}

/**
 * Most disk space (bytes) that a way needs while it is taken: for the fetched objects, and for the files made
 * of them.
 */
export function roomFor({ steps, bytes }: Way): number {
  const made = steps.filter(({ alternative }) => alternative !== undefined);
  return made.reduce((sum, { result }) => sum + result.length, bytes);
}

/**
 * The ways to `file`, in the order to try them: the cheapest, if it is a delta or a chain of deltas from a
 * file here; then the whole in its compressed form, where that is smaller; then the whole.
 */
export function waysTo(file: ManifestFile, situation: WaySituation): Way[] {
  const whole = wayOf([{ result: file, alternative: undefined }], situation);
  const compressed = (file.alternatives ?? [])
    .filter(({ format }) => format === "zstd")
    .map((alternative) => wayOf([{ result: file, alternative }], situation));
  const wholes = [...compressed, whole].toSorted((a, b) => a.bytes - b.bytes);
  const delta = cheapestDelta(file, situation);
  const best = wholes[0] ?? whole;
  const fromBest = wholes.slice(0, wholes.indexOf(whole) + 1);
  return delta !== undefined && cost(delta) < cost(best) ? [delta, ...fromBest] : fromBest;
}

/** Bytes to fetch of those of `files` that are not `held` already (by SHA-256), each in its smallest whole form. */
export function wholeBytes(files: readonly ManifestFile[], held: ReadonlySet<string>): number {
  const missing = files.filter(({ sha256 }) => !held.has(sha256));
  return missing.reduce((sum, { length, alternatives = [] }) => {
    const compressed = alternatives.filter(({ format }) => format === "zstd").map((each) => each.length);
    return sum + Math.min(length, ...compressed);
  }, 0);
}

function wayOf(steps: WayStep[], { fetched }: WaySituation): Way {
  const objects = steps.map(({ alternative, result }) => alternative ?? result);
  return { steps, bytes: objects.reduce((sum, object) => sum + object.length - fetched(object), 0) };
}

function cost({ steps, bytes }: Way): number {
  return bytes + steps.length * REQUEST;
}

/**
 * The cheapest chain of deltas from a held file to `file` (Dijkstra's algorithm, from the file back):
 * each file is settled once, with the cheapest way from it to the end.
 */
function cheapestDelta(file: ManifestFile, situation: WaySituation): Way | undefined {
  const open = new Map<string, Way>([[file.sha256, { steps: [], bytes: 0 }]]);
  const settled = new Set<string>();
  const fileOf = (sha256: string): ManifestFile | undefined =>
    sha256 === file.sha256 ? file : situation.between.get(sha256);
  for (;;) {
    const [sha256, way] = [...open].toSorted(([, a], [, b]) => cost(a) - cost(b))[0] ?? [];
    if (sha256 === undefined || way === undefined) return undefined;
    // The one that is wanted may be listed as held, and has gone missing all the same.
    if (sha256 !== file.sha256 && situation.held.has(sha256)) return way;
    open.delete(sha256);
    settled.add(sha256);
    const result = fileOf(sha256);
    for (const alternative of result?.alternatives ?? []) {
      if (alternative.format === "zstd" || result === undefined || settled.has(alternative.base)) continue;
      const base = situation.held.get(alternative.base) ?? fileOf(alternative.base)?.length;
      if (base === undefined || base > longestBase(alternative, situation)) continue;
      const longer = wayOf([{ result, alternative }, ...way.steps], situation);
      const shorter = open.get(alternative.base);
      if (shorter === undefined || cost(longer) < cost(shorter)) open.set(alternative.base, longer);
    }
  }
}

/** Only a `dcz` delta in one frame needs the whole base in memory. */
function longestBase({ format }: Alternative, { maxBase }: WaySituation): number {
  return format === "dcz" ? Math.min(maxBase, DICTIONARY_LIMIT) : maxBase;
}
