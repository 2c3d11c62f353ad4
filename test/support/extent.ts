/**
 * Whether all tests are asked for: by `npm run test:all`, as in CI, and by `npm run crash`, which goes
 * further still. `npm test` takes samples where there are hundreds of cases, such as kill points, to be done
 * in four minutes.
 */
export const WHOLE = process.env.TESTS === "all" || process.env.CRASH === "all";

/** `most` of the cases, evenly spread from a random first one, or all where all is asked for. */
export function sampleOf<Case>(cases: Case[], most: number): Case[] {
  if (WHOLE || cases.length <= most) return cases;
  const step = cases.length / most;
  const first = Math.random() * step;
  return Array.from({ length: most }, (_, index) => cases[Math.floor(first + index * step)] as Case);
}

/** A sample, like `sampleOf`, with the last case among it. */
export function sampleAndLast<Case>(cases: Case[], most: number): Case[] {
  return [...sampleOf(cases.slice(0, -1), most - 1), ...cases.slice(-1)];
}

/** The whole numbers from `first` to `last`. */
export function numbers(first: number, last: number): number[] {
  return Array.from({ length: Math.max(last - first + 1, 0) }, (_, index) => first + index);
}
