import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mergeLists } from "../../../src/core/fleet/listMerge.ts";

const entry = (range: string, name: string, more = {}) => ({
  range,
  name,
  url: `http://${name}:21112`,
  ...more,
});
const A = entry("10.1.0.0/16", "a");
const B = entry("10.2.0.0/16", "b");
const C = entry("10.3.0.0/16", "c");
const D = entry("10.4.0.0/16", "d");
const list = (...entries: object[]) => ({ mode: "customized", entries });

/** A list of entries that are each there once. */
const someList = fc
  .uniqueArray(fc.integer({ min: 0, max: 8 }), { maxLength: 8 })
  .map((numbers) => list(...numbers.map((number) => entry(`10.${number}.0.0/16`, `n${number}`))));

describe("two changes of one list", () => {
  test("that touch different entries are both in it", () => {
    const mine = list(A, { ...B, kinds: ["settings"] }, C);
    const theirs = list(A, B, C, D);
    const merged = mergeLists(list(A, B, C), mine, theirs);
    expect(merged.collisions).toEqual([]);
    expect(merged.list.entries).toEqual([A, { ...B, kinds: ["settings"] }, C, D]);
  });

  test("of one entry in two ways are a question, and the answer counts", () => {
    const mine = list(A, { ...B, kinds: ["settings"] });
    const theirs = list(A, { ...B, kinds: ["programs"] });
    const asked = mergeLists(list(A, B), mine, theirs);
    expect(asked.collisions.map(({ id }) => id)).toEqual(["entry 1"]);
    expect(asked.list.entries).toEqual(mine.entries);
    expect(mergeLists(list(A, B), mine, theirs, () => "theirs").list.entries).toEqual(theirs.entries);
  });

  test("where one removes what the other changes are a question too", () => {
    const mine = list(A);
    const theirs = list(A, { ...B, kinds: ["programs"] });
    expect(mergeLists(list(A, B), mine, theirs).list.entries).toEqual([A]);
    expect(mergeLists(list(A, B), mine, theirs, () => "theirs").list.entries).toEqual(theirs.entries);
    const kept = mergeLists(list(A, B), theirs, mine);
    expect(kept.list.entries).toEqual(theirs.entries);
  });

  test("keep an added entry behind the one that it followed, wherever that is now", () => {
    const mine = list(A, D, B, C);
    const theirs = list(B, A, C);
    expect(mergeLists(list(A, B, C), mine, theirs).list.entries).toEqual([B, A, D, C]);
  });

  test("of fields collide by the field", () => {
    const base = { ...list(A), updateAgentsOnlyFromServer: false };
    const mine = { ...base, mode: "standard", updateAgentsOnlyFromServer: true };
    const theirs = { ...base, serverFallback: { enabled: false } };
    const merged = mergeLists(base, mine, theirs);
    expect(merged.collisions).toEqual([]);
    expect(merged.list).toEqual({ ...mine, serverFallback: { enabled: false } });
  });

  test("of which one changes nothing are the other", () => {
    fc.assert(
      fc.property(someList, someList, (base, changed) => {
        expect(mergeLists(base, base, changed).list).toEqual(changed);
        expect(mergeLists(base, changed, base).list).toEqual(changed);
        expect(mergeLists(base, changed, changed).list).toEqual(changed);
      }),
    );
  });

  test("lose and double no entry that either has added, and keep none that one removed and the other left", () => {
    fc.assert(
      fc.property(someList, someList, someList, (base, mine, theirs) => {
        const merged = mergeLists(base, mine, theirs).list.entries as { range: string }[];
        const ranges = merged.map(({ range }) => range);
        expect(new Set(ranges).size).toBe(ranges.length);
        const inBase = new Set(base.entries.map((each) => (each as { range: string }).range));
        const [my, their] = [mine, theirs].map(
          (each) => new Set(each.entries.map((one) => (one as { range: string }).range)),
        );
        for (const range of [...(my ?? []), ...(their ?? [])]) {
          const wanted = inBase.has(range) ? my?.has(range) && their?.has(range) : true;
          expect(ranges.includes(range), range).toBe(wanted);
        }
      }),
    );
  });
});
