import type { SourceList, SourceListEntry } from "./sourceList.ts";

/** Something in a valid list that is probably not what was meant. */
export interface Finding {
  entry?: number;
  remark: string;
}

/**
 * What is odd about a valid source list: entries that repeat a source, ranges that overlap or hide
 * behind an earlier one, a list that leads nowhere.
 */
export function reviewSourceList(list: SourceList): Finding[] {
  const findings: Finding[] = [];
  if (list.mode === "standard" && list.entries.length > 0) {
    findings.push({ remark: "its mode is standard, so its entries are not used" });
  }
  if (list.mode === "customized" && list.entries.length === 0 && !list.serverFallback.enabled) {
    findings.push({ remark: "it has no entries and does not fall back to the server" });
  }
  for (const [index, entry] of list.entries.entries()) {
    const remark = remarkOn(entry, list.entries.slice(0, index));
    if (remark !== undefined) findings.push({ entry: index, remark });
  }
  return findings;
}

function remarkOn(entry: SourceListEntry, earlier: SourceListEntry[]): string | undefined {
  const twin = earlier.findIndex(
    (each) => each.url === entry.url && delivers(each, entry) && contains(each, entry),
  );
  if (twin !== -1)
    return `repeats ${entry.url} of entries[${twin}] for addresses that are in its range already`;
  const cover = earlier.findIndex((each) => contains(each, entry));
  if (cover !== -1) {
    return `${entry.rangeText} lies within ${earlier[cover]?.rangeText} of entries[${cover}], which is tried first`;
  }
  const overlap = earlier.findIndex((each) => overlaps(each, entry));
  if (overlap === -1) return undefined;
  return `${entry.rangeText} overlaps ${earlier[overlap]?.rangeText} of entries[${overlap}], which is tried first`;
}

function delivers(one: SourceListEntry, other: SourceListEntry): boolean {
  return other.kinds.every((kind) => one.kinds.includes(kind));
}

function contains(outer: SourceListEntry, inner: SourceListEntry): boolean {
  const { range } = outer;
  return (
    range.family === inner.range.family && range.first <= inner.range.first && inner.range.last <= range.last
  );
}

function overlaps(one: SourceListEntry, other: SourceListEntry): boolean {
  return (
    one.range.family === other.range.family &&
    one.range.first <= other.range.last &&
    other.range.first <= one.range.last
  );
}

const FIELDS = {
  list: ["version", "mode", "entries", "serverFallback", "updateAgentsOnlyFromServer"],
  entry: ["range", "name", "url", "kinds"],
  fallback: ["enabled", "kinds"],
};

/**
 * Fields of a valid list, as it was written, that this program does not know. A newer one may; but
 * most often a name is misspelt.
 */
export function reviewFields(list: unknown): Finding[] {
  const { entries, serverFallback } = list as { entries?: object[]; serverFallback?: object };
  const inList = [
    ...unknown(list as object, FIELDS.list),
    ...unknown(serverFallback ?? {}, FIELDS.fallback).map((field) => `serverFallback.${field}`),
  ];
  const inEntries = (entries ?? []).flatMap((each, entry) =>
    unknown(each, FIELDS.entry).map((field) => ({ entry, remark: hasNoEffect(field) })),
  );
  return [...inList.map((field) => ({ remark: hasNoEffect(field) })), ...inEntries];
}

function unknown(value: object, fields: string[]): string[] {
  return Object.keys(value).filter((field) => !fields.includes(field));
}

function hasNoEffect(field: string): string {
  return `its field ${JSON.stringify(field)} is not known here and has no effect`;
}
