import type { Alternative, ManifestFile } from "./manifest.ts";

/** One object to fetch, and what to do with it so that `result` is had. */
export interface WayStep {
  result: ManifestFile;
  /** Undefined where the object is the file itself. */
  alternative: Alternative | undefined;
}

/** How to come by a file: steps to take in order, the last of which results in the file. */
export interface Way {
  steps: WayStep[];
  /** Bytes to fetch. */
  bytes: number;
}

/** What the choice of a way depends on. */
export interface WaySituation {
  /** Files that may stand between a base and the one wanted: those of the manifest's other releases. */
  between: ManifestFile[];
  /** SHA-256 and length in bytes of the files that are here. */
  held: ReadonlyMap<string, number>;
  /** No base longer than this (bytes) is used. */
  maxBase: number;
  /** Bytes of an object that an earlier transfer left here. */
  fetched(object: { sha256: string; length: number }): number;
}

/** What one more request costs, in bytes: its own, and the wait for it. */
const REQUEST = 2_048;

/**
 * The ways to `file`, in the order to try them: the cheapest, if it is a delta or a chain of deltas
 * from what is held; then the whole in its compressed form, where that is smaller; then the whole.
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
  const known = new Map(situation.between.map((each) => [each.sha256, each]));
  const open = new Map<string, Way>([[file.sha256, { steps: [], bytes: 0 }]]);
  const settled = new Set<string>();
  known.set(file.sha256, file);
  for (;;) {
    const [sha256, way] = [...open].toSorted(([, a], [, b]) => cost(a) - cost(b))[0] ?? [];
    if (sha256 === undefined || way === undefined) return undefined;
    if (situation.held.has(sha256)) return way;
    open.delete(sha256);
    settled.add(sha256);
    const result = known.get(sha256);
    for (const alternative of result?.alternatives ?? []) {
      if (alternative.format === "zstd" || result === undefined || settled.has(alternative.base)) continue;
      const base = situation.held.get(alternative.base) ?? known.get(alternative.base)?.length;
      if (base === undefined || base > situation.maxBase) continue;
      const longer = wayOf([{ result, alternative }, ...way.steps], situation);
      const shorter = open.get(alternative.base);
      if (shorter === undefined || cost(longer) < cost(shorter)) open.set(alternative.base, longer);
    }
  }
}
