import { expect, test } from "vitest";
import type { Kind } from "../../../src/core/content/kind.ts";
import type { Learned } from "../../../src/relay/mirror/learn.ts";
import { copyOf, lookAhead, noteAnnounced, take } from "../../../src/relay/mirror/repositoryCopy.ts";
import type { TrustedSet } from "../../../src/tuf/trustedSet.ts";

const setOf = (snapshot: string): TrustedSet => ({
  repository: "content",
  folder: "",
  files: new Map([["snapshot.json", Buffer.from(snapshot)]]),
  documents: new Map(),
});
const learnt = (set: TrustedSet, kinds: Kind[], age = 0) => ({ set, kinds, age, etag: "e" }) as Learned;
const BOTH: Kind[] = ["components", "programs"];

/** A copy that announces one publication of both kinds, and has learnt another at 1,000 ms. */
function copyWithNewer() {
  const [first, second] = [setOf("1"), setOf("2")];
  const copy = copyOf(first, new Set(BOTH));
  expect(take(copy, "http://a", learnt(second, BOTH), 1_000)).toBe(true);
  lookAhead(copy, BOTH, 1_000);
  return { copy, first, second };
}

test("what is announced is confirmed by whoever has nothing newer, from when that was itself asked", () => {
  const copy = copyOf(setOf("1"), new Set(BOTH));
  expect(take(copy, "http://a", learnt(copy.announced, BOTH, 2), 5_000)).toBe(false);
  expect([copy.confirmed, copy.asked, copy.next]).toEqual([3_000, 3_000, undefined]);
  // An answer that is older than one before takes nothing back.
  take(copy, "http://b", learnt(copy.announced, BOTH, 60), 6_000);
  expect(copy.confirmed).toBe(3_000);
});

test("something newer is held back, and what is announced is not confirmed by it", () => {
  const { copy, first, second } = copyWithNewer();
  expect(copy).toMatchObject({ aheadSince: 1_000, asked: 1_000, confirmed: Number.NEGATIVE_INFINITY });
  expect([copy.announced, copy.next?.set]).toEqual([first, second]);
  // Since when it is ahead, something newer yet does not change.
  take(copy, "http://a", learnt(setOf("3"), BOTH), 2_000);
  lookAhead(copy, BOTH, 2_000);
  expect(copy.aheadSince).toBe(1_000);
});

test("once announced it is what is held, of the kinds that are granted; what was learnt meanwhile stays ahead", () => {
  const { copy, second } = copyWithNewer();
  const next = copy.next ?? expect.fail("nothing is held back");
  const third = setOf("3");
  take(copy, "http://a", learnt(third, BOTH), 2_000);
  noteAnnounced(copy, next, second, ["components"]);
  lookAhead(copy, ["components"], 3_000);
  expect(copy.announcedKinds).toEqual(new Set(["components"]));
  expect([copy.announced, copy.next?.set, copy.aheadSince]).toEqual([second, third, 3_000]);
  expect(copy.confirmed).toBe(Number.NEGATIVE_INFINITY);
});

test("of a newer publication only the kinds that came with it are known; of the same one, those of before too", () => {
  const { copy, second } = copyWithNewer();
  take(copy, "http://a", learnt(second, ["components"]), 2_000);
  expect(copy.learnedKinds).toEqual(new Set(BOTH));
  take(copy, "http://a", learnt(setOf("3"), ["components"]), 2_000);
  expect(copy.learnedKinds).toEqual(new Set(["components"]));
});
