import { canonical, type EntryChange, type ListDiff, listDiff } from "./listDiff.ts";

type Written = Record<string, unknown>;

/** Something that two people changed in two ways. */
export interface Collision {
  /** `field mode` or `entry 3`: the same for the same three lists. */
  id: string;
  /** Index in the list that both began from; null for a field of the whole list. */
  entry: number | null;
  field: string | null;
  before: unknown;
  /** null where it was removed. */
  mine: unknown;
  theirs: unknown;
}

export type Side = "mine" | "theirs";

/** Two changes of one list, put together. */
export interface MergedList {
  list: Written;
  collisions: Collision[];
}

/**
 * Puts my change and theirs of one list together. Where both changed one entry or field in two ways, `choose`
 * says whose counts; by default mine. The order is theirs, with the entries that I added or moved behind the
 * ones that they follow in mine.
 *
 * @param base the list that both began from
 */
export function mergeLists(
  base: Written,
  mine: Written,
  theirs: Written,
  choose: (collision: Collision) => Side = () => "mine",
): MergedList {
  const [my, their] = [listDiff(base, mine), listDiff(base, theirs)];
  const collisions = [...fieldCollisions(my, their), ...entryCollisions(my, their)];
  const isMine = (id: string) => {
    const collision = collisions.find((each) => each.id === id);
    return collision === undefined || choose(collision) === "mine";
  };
  const { entries: _, version: __, ...rest } = theirs;
  const list: Written = { ...rest };
  for (const { field, after } of my.fields) {
    if (!isMine(`field ${field}`)) continue;
    if (after === null) delete list[field];
    else list[field] = after;
  }
  list.entries = mergeEntries({ base, mine, theirs, my, their, isMine });
  return { list, collisions };
}

function fieldCollisions(my: ListDiff, their: ListDiff): Collision[] {
  return my.fields.flatMap(({ field, before, after }) => {
    const other = their.fields.find((each) => each.field === field);
    if (other === undefined || isSame(other.after, after)) return [];
    return [{ id: `field ${field}`, entry: null, field, before, mine: after, theirs: other.after }];
  });
}

function entryCollisions(my: ListDiff, their: ListDiff): Collision[] {
  return my.entries.flatMap((mine) => {
    if (mine.from === null || isOnlyMoved(mine)) return [];
    const theirs = their.entries.find(({ from }) => from === mine.from);
    if (theirs === undefined || isOnlyMoved(theirs) || isSame(mine.after, theirs.after)) return [];
    const { from: entry, before } = mine;
    return [{ id: `entry ${entry}`, entry, field: null, before, mine: mine.after, theirs: theirs.after }];
  });
}

interface Sides {
  base: Written;
  mine: Written;
  theirs: Written;
  my: ListDiff;
  their: ListDiff;
  isMine(id: string): boolean;
}

/** An entry of the list that comes of it, and its index in the list that both began from; null for a new one. */
interface Row {
  from: number | null;
  entry: unknown;
}

function mergeEntries({ base, mine, theirs, my, their, isMine }: Sides): unknown[] {
  let rows = rowsOf(theirs, their, base);
  for (const change of my.entries) {
    const { from, kinds, after } = change;
    if (from === null || !isMine(`entry ${from}`)) continue;
    if (kinds.includes("removed")) rows = rows.filter((row) => row.from !== from);
    else if (kinds.includes("changed") && !rows.some((row) => row.from === from))
      rows.push({ from, entry: after });
    else if (kinds.includes("changed")) {
      rows = rows.map((row) => (row.from === from ? { from, entry: after } : row));
    }
  }
  const ordered = rowsOf(mine, my, base);
  for (const change of my.entries) {
    if (!change.kinds.includes("added") && !change.kinds.includes("moved")) continue;
    rows = placed(rows, ordered, change);
  }
  return rows.map(({ entry }) => entry);
}

/** Puts an entry that I added or moved behind the nearest one that stands before it in mine. */
function placed(rows: Row[], mine: Row[], { from, to, after }: EntryChange): Row[] {
  const own = from === null ? { from, entry: after } : rows.find((row) => row.from === from);
  // It was removed by the other, and that counts.
  if (own === undefined) return rows;
  const others = rows.filter((row) => row !== own);
  const isAdded = from === null && others.some((row) => row.from === null && isSame(row.entry, after));
  // Both added the same entry.
  if (isAdded) return rows;
  const before = mine.slice(0, to ?? 0).toReversed();
  const place = before
    .map((each) => others.findIndex((row) => isSameRow(row, each)))
    .find((index) => index >= 0);
  return others.toSpliced((place ?? -1) + 1, 0, own);
}

function isSameRow(one: Row, other: Row): boolean {
  return one.from === null || other.from === null ? isSame(one.entry, other.entry) : one.from === other.from;
}

/** The entries of a list, each with its index in the base. */
function rowsOf(list: Written, diff: ListDiff, base: Written): Row[] {
  const changed = new Map(diff.entries.flatMap(({ from, to }) => (to === null ? [] : [[to, from] as const])));
  const gone = new Set(diff.entries.flatMap(({ from }) => (from === null ? [] : [from])));
  const still = entriesOf(base).flatMap((_, index) => (gone.has(index) ? [] : [index]));
  let next = 0;
  return entriesOf(list).map((entry, index): Row => {
    const from = changed.has(index) ? (changed.get(index) ?? null) : (still[next++] ?? null);
    return { from, entry };
  });
}

function entriesOf({ entries }: Written): unknown[] {
  return Array.isArray(entries) ? entries : [];
}

function isOnlyMoved({ kinds }: EntryChange): boolean {
  return kinds.length === 1 && kinds[0] === "moved";
}

function isSame(one: unknown, other: unknown): boolean {
  return canonical(one) === canonical(other);
}
