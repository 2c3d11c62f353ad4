import { type Fault, placeOf } from "../document.ts";
import { hasNoEffect, unknownFields } from "../settings/unknownFields.ts";
import { type SourceList, type SourceListEntry, sourceListSchema } from "./sourceList.ts";

/** A probable mistake in a list. */
export interface Finding {
  entry?: number;
  remark: string;
}

/**
 * Finds the oddities of a valid source list: entries that repeat a source, ranges that hide behind an earlier
 * one or overlap it in part, a list that leads nowhere. A range around earlier ones is the usual end of a
 * list: the near sources first, and then one for everybody.
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
  const overlap = earlier.findIndex((each) => overlaps(each, entry) && !contains(entry, each));
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

/** Fields of a list, as it was written and valid or not, that this program does not know: the list's own come first. */
export function reviewFields(list: unknown): Finding[] {
  const findings = unknownFields(sourceListSchema, list).map((field) =>
    findingAt(field.path, (place) => hasNoEffect(place, field)),
  );
  return findings.sort((a, b) => (a.entry ?? -1) - (b.entry ?? -1));
}

/** The finding of `say` about a place in a list; `say` gets the part of the place within the entry. */
export function findingAt(path: Fault["path"], say: (place: string) => string): Finding {
  const [first, entry, ...rest] = path;
  return first === "entries" && typeof entry === "number"
    ? { entry, remark: say(placeOf(rest)) }
    : { remark: say(placeOf(path)) };
}

/** A finding with its place, in words for people. */
export function describeFinding({ entry, remark }: Finding): string {
  return entry === undefined ? remark : `entries[${entry}]: ${remark}`;
}
