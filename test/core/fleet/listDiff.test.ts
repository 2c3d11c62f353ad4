import fc from "fast-check";
import { expect, test } from "vitest";
import { listDiff } from "../../../src/core/fleet/listDiff.ts";

const entry = (range: string, url = "http://ua.example", more: object = {}) => ({ range, url, ...more });

test("a field, an entry that was added, removed, changed or moved are told apart", () => {
  const [a, b, c, d] = ["10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16", "10.4.0.0/16"].map((range) =>
    entry(range),
  );
  const changed = { ...b, url: "http://other.example" };
  const diff = listDiff(
    { version: 1, entries: [a, b, c, d], serverFallback: { enabled: true } },
    { version: 2, entries: [d, a, changed, entry("10.9.0.0/16", "http://new.example")] },
  );
  expect(diff).toEqual({
    fields: [{ field: "serverFallback", before: { enabled: true }, after: null }],
    entries: [
      { kinds: ["removed"], from: 2, to: null, before: c, after: null },
      { kinds: ["moved"], from: 3, to: 0, before: d, after: d },
      { kinds: ["changed"], from: 1, to: 2, before: b, after: changed },
      {
        kinds: ["added"],
        from: null,
        to: 3,
        before: null,
        after: entry("10.9.0.0/16", "http://new.example"),
      },
    ],
  });
});

test("the order of fields within an entry is no difference", () => {
  const other = { url: "http://ua.example", range: "10.1.0.0/16" };
  expect(listDiff({ entries: [entry("10.1.0.0/16")] }, { entries: [other] }).entries).toEqual([]);
});

const entries = fc.array(
  fc.record({ range: fc.constantFrom("1.1.1.1", "2.2.2.2", "3.3.3.3"), url: fc.constantFrom("a", "b", "c") }),
  { maxLength: 12 },
);

test("from the list before and the difference comes the list afterwards", () => {
  fc.assert(
    fc.property(entries, entries, (before, after) => {
      const { entries: changes } = listDiff({ entries: before }, { entries: after });
      const touched = new Set(changes.map(({ from }) => from));
      const rest = before.filter((_, index) => !touched.has(index));
      const placed = new Map(
        changes.flatMap(({ to, after: is }) => (to === null ? [] : [[to, is] as const])),
      );
      const made = Array.from({ length: rest.length + placed.size }, (_, index) =>
        placed.has(index) ? placed.get(index) : rest.shift(),
      );
      expect(made).toEqual(after);
    }),
    { numRuns: 500 },
  );
});

test("a list differs from itself in nothing", () => {
  fc.assert(
    fc.property(entries, (same) => {
      expect(listDiff({ entries: same }, { entries: structuredClone(same) })).toEqual({
        fields: [],
        entries: [],
      });
    }),
  );
});
