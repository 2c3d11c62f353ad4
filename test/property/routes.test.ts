import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Alternative, DICTIONARY_LIMIT, type ManifestFile } from "../../src/core/content/manifest.ts";
import { filesBetween, roomFor, type Way, type WaySituation, waysTo } from "../../src/core/content/routes.ts";

/** Cost of one request, in bytes. */
const REQUEST = 2_048;

const nameOf = (file: number) => file.toString(16).padStart(64, "0");
const objectName = (from: number, to: number) => `${to.toString(16)}f${from.toString(16)}`.padStart(64, "e");

/** A history of a few files, each the last of a release of its own, with deltas from any to any. */
interface History {
  files: ManifestFile[];
  held: Map<string, number>;
  maxBase: number;
  fetched: Map<string, number>;
}

const COUNT = 6;
const length = fc.oneof(fc.nat(30_000), fc.nat(100_000_000));
const madeAlternatives = (to: number): fc.Arbitrary<Alternative[]> =>
  fc.array(
    fc
      .record({ from: fc.nat(COUNT + 1), length, format: fc.constantFrom("zstd", "dcz", "bsdiff") })
      .map(({ from, length, format }): Alternative => {
        const object = { length, sha256: objectName(from, to) };
        return format === "zstd"
          ? { ...object, format }
          : ({ ...object, format, base: nameOf(from) } as Alternative);
      }),
    { maxLength: 5 },
  );

const history: fc.Arbitrary<History> = fc
  .record({
    files: fc.tuple(
      ...Array.from({ length: COUNT }, (_, file) =>
        fc.record({ length, alternatives: fc.option(madeAlternatives(file), { nil: undefined }) }),
      ),
    ),
    held: fc.array(fc.tuple(fc.nat(COUNT + 1), length), { maxLength: 3 }),
    maxBase: fc.oneof(fc.constant(Number.MAX_SAFE_INTEGER), length),
    fetched: fc.array(fc.tuple(fc.nat(COUNT), fc.nat(COUNT), fc.nat(30_000)), { maxLength: 3 }),
  })
  .map(({ files, held, maxBase, fetched }) => ({
    files: files.map((file, at) => ({ path: "a.dat", sha256: nameOf(at), ...file })),
    // A held copy of a known file has that file's length.
    held: new Map(held.map(([file, bytes]) => [nameOf(file), files[file]?.length ?? bytes])),
    maxBase,
    fetched: new Map(fetched.map(([from, to, bytes]) => [objectName(from, to), bytes])),
  }));

function situationOf({ files, held, maxBase, fetched }: History): WaySituation {
  const releases = files.map((file, release) => ({ release, version: "1", files: [file] }));
  return {
    between: filesBetween(releases),
    held,
    maxBase,
    fetched: ({ sha256, length }) => Math.min(length, fetched.get(sha256) ?? 0),
  };
}

const cost = ({ steps, bytes }: Pick<Way, "steps" | "bytes">) => bytes + steps.length * REQUEST;

/** The cost of the cheapest chain from what is held, by trying all without a file twice. */
function cheapestChain(file: ManifestFile, history: History, seen: string[] = []): number {
  const { fetched } = situationOf(history);
  const costs = (file.alternatives ?? []).map((alternative) => {
    if (alternative.format === "zstd") return Infinity;
    const { base, format } = alternative;
    const from = history.files.find(({ sha256 }) => sha256 === base);
    const bytes = history.held.get(base) ?? from?.length ?? Infinity;
    const limit = format === "dcz" ? DICTIONARY_LIMIT : Infinity;
    if (bytes > Math.min(history.maxBase, limit)) return Infinity;
    const own = alternative.length - fetched(alternative) + REQUEST;
    if (history.held.has(base)) return own;
    if (from === undefined || base === file.sha256 || seen.includes(base)) return Infinity;
    return own + cheapestChain(from, history, [...seen, file.sha256]);
  });
  return Math.min(Infinity, ...costs);
}

const wanted = (each: History) => each.files.at(-1) as ManifestFile;
const RUNS = { numRuns: 2_000 };

describe("the ways to a file, for any history", () => {
  test("end with the whole file, which is there once", () => {
    fc.assert(
      fc.property(history, (each) => {
        const ways = waysTo(wanted(each), situationOf(each));
        const wholes = ways.filter(({ steps }) =>
          steps.every(({ alternative }) => alternative === undefined),
        );
        expect(wholes).toHaveLength(1);
        expect(ways.at(-1)).toBe(wholes[0]);
      }),
      RUNS,
    );
  });

  test("cost no more than the whole file, each, and no more than the next", () => {
    fc.assert(
      fc.property(history, (each) => {
        const file = wanted(each);
        const situation = situationOf(each);
        const ways = waysTo(file, situation);
        for (const way of ways) {
          expect(way.bytes).toBeLessThanOrEqual(file.length - situation.fetched(file));
          expect(way.bytes).toBeGreaterThanOrEqual(0);
        }
        const costs = ways.map(cost);
        expect(costs).toEqual(costs.toSorted((a, b) => a - b));
      }),
      RUNS,
    );
  });

  test("begin with the cheapest chain of deltas, where one is cheaper than any whole", () => {
    fc.assert(
      fc.property(history, (each) => {
        const file = wanted(each);
        if (each.held.has(file.sha256)) return;
        const [way] = waysTo(file, situationOf(each));
        const isDelta = way?.steps.some(
          ({ alternative }) => alternative !== undefined && "base" in alternative,
        );
        const wholes = waysTo(
          { ...file, alternatives: file.alternatives?.filter(({ format }) => format === "zstd") },
          situationOf(each),
        );
        const best = Math.min(...wholes.map(cost));
        const chain = cheapestChain(file, each);
        expect(isDelta).toBe(chain < best);
        expect(way && cost(way)).toBe(Math.min(chain, best));
      }),
      RUNS,
    );
  });

  test("lead from what is held, step by step, over bases that are allowed, to the file", () => {
    fc.assert(
      fc.property(history, (each) => {
        const situation = situationOf(each);
        for (const { steps, bytes } of waysTo(wanted(each), situation)) {
          let before: string | undefined;
          for (const { alternative, result } of steps) {
            if (alternative !== undefined && "base" in alternative) {
              const base =
                situation.held.get(alternative.base) ?? situation.between.get(alternative.base)?.length;
              expect(
                before === undefined ? situation.held.has(alternative.base) : before === alternative.base,
              ).toBe(true);
              expect(base).toBeLessThanOrEqual(each.maxBase);
              if (alternative.format === "dcz") expect(base).toBeLessThanOrEqual(DICTIONARY_LIMIT);
            } else expect(steps).toHaveLength(1);
            before = result.sha256;
          }
          expect(before).toBe(wanted(each).sha256);
          const objects = steps.map(({ alternative, result }) => alternative ?? result);
          expect(bytes).toBe(
            objects.reduce((sum, object) => sum + object.length - situation.fetched(object), 0),
          );
        }
      }),
      RUNS,
    );
  });

  test("need room for what is fetched and what is made of it", () => {
    fc.assert(
      fc.property(history, (each) => {
        const ways = waysTo(wanted(each), situationOf(each));
        expect(roomFor(ways.at(-1) as Way)).toBe(ways.at(-1)?.bytes);
        for (const way of ways.slice(0, -1)) {
          expect(roomFor(way)).toBeGreaterThanOrEqual(way.bytes + wanted(each).length);
        }
      }),
      RUNS,
    );
  });
});

test("of the same bytes in two releases, the newer one's ways count", () => {
  const file = { path: "a.dat", length: 10, sha256: nameOf(1) };
  const newer = { ...file, alternatives: [{ format: "zstd", length: 5, sha256: nameOf(2) } as const] };
  const releases = [newer, file].map((each, at) => ({ release: 9 - at, version: "1", files: [each] }));
  expect(filesBetween(releases).get(file.sha256)).toEqual(newer);
  expect(filesBetween(releases.toReversed()).get(file.sha256)).toEqual(newer);
});

test("ways to thousands of files are found while a source waits for the next request", () => {
  const files = Array.from({ length: 7_000 }, (_, at) => at);
  const releases = [1, 2, 3, 4, 5].map((release) => ({
    release,
    version: "1",
    files: files.map((at) => {
      const sha256 = nameOf(release * 10_000 + at);
      const alternatives: Alternative[] = [
        { format: "bsdiff", base: nameOf((release - 1) * 10_000 + at), length: 5_000, sha256 },
      ];
      return { path: `${at}`, length: 60_000, sha256, alternatives };
    }),
  }));
  const situation = {
    between: filesBetween(releases),
    held: new Map(files.map((at) => [nameOf(10_000 + at), 60_000])),
    maxBase: Infinity,
    fetched: () => 0,
  };
  const found = releases.at(-1)?.files.map((file) => waysTo(file, situation)[0]);
  expect(found?.every((way) => way?.steps.length === 4)).toBe(true);
});
