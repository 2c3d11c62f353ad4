/** A document of unknown shape, as it was written. */
type Written = Record<string, unknown>;

/** Change of one entry. */
export interface EntryChange {
  /** An entry may be changed and stand elsewhere among the others at once. */
  kinds: ("added" | "removed" | "changed" | "moved")[];
  /** Index in the list before; null for one that was added. */
  from: number | null;
  /** Index in the list afterwards; null for one that was removed. */
  to: number | null;
  before: unknown;
  after: unknown;
}

/** Difference of two source lists. */
export interface ListDiff {
  /** Fields of the list as a whole. */
  fields: { field: string; before: unknown; after: unknown }[];
  /** Entries in the order of the list afterwards; those that were removed come first. */
  entries: EntryChange[];
}

interface Pair {
  from: number;
  to: number;
}

/** Finds what differs between two lists as they were written, by entry: the order of entries counts. */
export function listDiff(before: Written, after: Written): ListDiff {
  const [old, fresh] = [entriesOf(before), entriesOf(after)];
  const pairs = pairUp(old, fresh);
  const still = unmoved(pairs);
  const changes = pairs.map((pair): EntryChange => {
    const [was, is] = [old[pair.from], fresh[pair.to]];
    const kinds: EntryChange["kinds"] = was === is || canonical(was) === canonical(is) ? [] : ["changed"];
    if (!still.has(pair)) kinds.push("moved");
    return { ...pair, kinds, before: was, after: is };
  });
  const [paired, found] = [new Set(pairs.map(({ from }) => from)), new Set(pairs.map(({ to }) => to))];
  const removed = old.flatMap((entry, from): EntryChange[] =>
    paired.has(from) ? [] : [{ kinds: ["removed"], from, to: null, before: entry, after: null }],
  );
  const added = fresh.flatMap((entry, to): EntryChange[] =>
    found.has(to) ? [] : [{ kinds: ["added"], from: null, to, before: null, after: entry }],
  );
  const there = [...changes.filter(({ kinds }) => kinds.length > 0), ...added];
  const entries = [...removed, ...there.toSorted((one, other) => (one.to ?? 0) - (other.to ?? 0))];
  return { fields: fieldsOf(before, after), entries };
}

function fieldsOf(before: Written, after: Written): ListDiff["fields"] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names]
    .filter((name) => name !== "entries" && name !== "version")
    .filter((name) => canonical(before[name]) !== canonical(after[name]))
    .map((field) => ({ field, before: before[field] ?? null, after: after[field] ?? null }));
}

function entriesOf({ entries }: Written): Written[] {
  return Array.isArray(entries) ? (entries as Written[]) : [];
}

/** Resemblances by which entries are taken for the same, the closest first. */
const RESEMBLANCES: ((entry: Written) => string)[] = [
  canonical,
  ({ range, url }) => canonical([range, url]),
  ({ range }) => canonical(range),
  ({ name, url }) => canonical(name ?? url),
];

/** Entries of the one list with those that they have become in the other, in the order of the first. */
function pairUp(old: Written[], fresh: Written[]): Pair[] {
  const [left, open] = [new Set(old.keys()), new Set(fresh.keys())];
  const pairs: Pair[] = [];
  // Most entries of a list under edit are the very ones that were read: nothing has to be written out for them.
  const places = new Map(fresh.map((entry, index) => [entry, index]));
  for (const from of places.size === fresh.length ? [...left] : []) {
    const entry = old[from];
    const to = entry && places.get(entry);
    if (to === undefined || !open.has(to)) continue;
    pairs.push({ from, to });
    left.delete(from);
    open.delete(to);
  }
  for (const keyOf of RESEMBLANCES) {
    const places = Map.groupBy(open, (index) => keyOf(fresh[index] ?? {}));
    for (const from of left) {
      const to = places.get(keyOf(old[from] ?? {}))?.shift();
      if (to === undefined) continue;
      pairs.push({ from, to });
      left.delete(from);
      open.delete(to);
    }
  }
  return pairs.toSorted((one, other) => one.from - other.from);
}

/** The most pairs that stand in the same order in both lists: the others have moved (patience sorting). */
function unmoved(pairs: Pair[]): Set<Pair> {
  /** For each length, the last pair of the run of that length that ends lowest. */
  const tails: Pair[] = [];
  const before = new Map<Pair, Pair | undefined>();
  for (const pair of pairs) {
    let [low, high] = [0, tails.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((tails[middle]?.to ?? 0) < pair.to) low = middle + 1;
      else high = middle;
    }
    before.set(pair, tails[low - 1]);
    tails[low] = pair;
  }
  const still = new Set<Pair>();
  for (let at = tails.at(-1); at !== undefined; at = before.get(at)) still.add(at);
  return still;
}

/** JSON with the fields of each object in one order, so that equal values are equal texts. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === "object" && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).toSorted(([one], [other]) => (one < other ? -1 : 1)))
      : each,
  );
}
