import { expect, test } from "vitest";
import { type Asking, confirmPatience, isToBeAsked } from "../../../src/relay/mirror/confirmation.ts";

/** Upstream was asked long ago. */
const ASKED: Asking = {
  sinceAsked: 120_000,
  sinceTried: 120_000,
  isRefreshing: false,
  revalidate: false,
  maxStale: 60_000,
};

test("upstream is asked once what it said is older than relay.maxStale, and no sooner than a while after a failure", () => {
  const isAsked = (asking: Partial<Asking>) => isToBeAsked({ ...ASKED, ...asking });
  expect([isAsked({ sinceAsked: 60_000 }), isAsked({ sinceAsked: 60_001 })]).toEqual([false, true]);
  expect([isAsked({ sinceTried: 9_999 }), isAsked({ sinceTried: 10_000 })]).toEqual([false, true]);
  // Nobody asks twice at the same time: who comes meanwhile waits for the same answer.
  expect(isAsked({ sinceTried: 5, isRefreshing: true })).toBe(true);
  expect(isAsked({ sinceAsked: Number.POSITIVE_INFINITY, sinceTried: Number.POSITIVE_INFINITY })).toBe(true);
});

test("for a client that knows of something newer, upstream is asked again after a second, however lately it was", () => {
  const isAsked = (sinceTried: number) =>
    isToBeAsked({ ...ASKED, sinceAsked: 0, sinceTried, revalidate: true });
  expect([isAsked(999), isAsked(1_000)]).toEqual([false, true]);
});

test("each hop of a chain waits for less than the one before", () => {
  expect([0, 1, 2, 3].map(confirmPatience)).toEqual([3_000, 2_300, 1_600, 900]);
});
