import { type Fault, placeOf } from "../document.ts";
import { type Finding, type FindingCode, findingOf, sortFindings } from "../findings/findingCodes.ts";
import { hasNoEffect, unknownFields } from "../settings/unknownFields.ts";
import type { AddressRange } from "./address.ts";
import { addressesOf, neighbour } from "./entryMatch.ts";
import {
  FEATURES,
  featuresOf,
  type SourceList,
  type SourceListEntry,
  sourceListSchema,
} from "./sourceList.ts";

/** An entry, and the addresses that it is for. */
interface Reach {
  entry: SourceListEntry;
  addresses: AddressRange[];
}

/**
 * Finds the oddities of a valid source list: entries that repeat a source, ranges that hide behind an earlier
 * one or overlap it in part, exceptions without effect, a list that leads nowhere. A range around earlier ones is the usual end of a list: the near sources first, and then one for
 * everybody.
 */
export function reviewSourceList(list: SourceList): Finding[] {
  const findings = reviewWhole(list);
  const reaches = list.entries.map((entry) => ({ entry, addresses: addressesOf(entry) }));
  for (const [index, reach] of reaches.entries()) {
    const found = [...reviewExceptions(reach), ...reviewAgainst(reach, reaches.slice(0, index))];
    for (const each of found) findings.push({ ...each, entry: index });
  }
  return findings;
}

function reviewWhole(list: SourceList): Finding[] {
  const { mode, entries, serverFallback } = list;
  if (mode === "standard" && entries.length > 0) {
    return [findingOf("STANDARD_WITH_ENTRIES", "its mode is standard, so its entries are not used", MODE)];
  }
  if (mode === "customized" && entries.length === 0 && !serverFallback.enabled) {
    return [findingOf("LEADS_NOWHERE", "it has no entries and does not fall back to the server")];
  }
  return [];
}

const MODE = { field: "mode" };

function reviewExceptions({ entry, addresses }: Reach): Finding[] {
  const { except = [], range, rangeText } = entry;
  const idle = except.filter((each) => !overlap([each.range], [range]));
  const findings = idle.map((each) => {
    const message = `excepts ${each.rangeText}, of which nothing is in ${rangeText}`;
    return findingOf("EXCEPTION_IDLE", message, { field: "except" });
  });
  if (addresses.length > 0) return findings;
  const message = `excepts all of ${rangeText}: it is for nobody`;
  return [...findings, findingOf("ENTRY_EXCEPTED", message, { field: "except" })];
}

function reviewAgainst(reach: Reach, earlier: Reach[]): Finding[] {
  const { entry, addresses } = reach;
  if (addresses.length === 0) return [];
  const twin = earlier.findIndex(
    (each) => each.entry.url === entry.url && delivers(each.entry, entry) && isCovered(reach, [each]),
  );
  if (twin !== -1) {
    const message = `repeats ${entry.url} of entries[${twin}] for addresses that are in its range already`;
    return [findingOf("ENTRY_REPEATED", message, { field: "url" })];
  }
  const covers = shadowsOf(reach, earlier);
  if (covers !== undefined) {
    const [first = 0] = covers;
    const other = earlier[first]?.entry.range;
    const isSame = other?.first === entry.range.first && other.last === entry.range.last;
    if (covers.length === 1 && isSame) {
      const message = `${entry.rangeText} is the range of entries[${first}] too, which is tried first: this one is tried after it`;
      return [findingOf("ENTRY_SHADOWED", message, { field: "range" })];
    }
    const by = covers.map((index) => `entries[${index}]`).join(", ");
    const where =
      covers.length === 1
        ? `${earlier[first]?.entry.rangeText} of ${by}, which is tried first`
        : `${by}, which are tried first`;
    return [findingOf("ENTRY_SHADOWED", `${entry.rangeText} lies within ${where}`, { field: "range" })];
  }
  const crossed = earlier.findIndex(
    (each) => sharesKind(each.entry, entry) && overlaps(each, reach) && !isCovered(each, [reach]),
  );
  if (crossed === -1) return [];
  const message = `${entry.rangeText} overlaps ${earlier[crossed]?.entry.rangeText} of entries[${crossed}], which is tried first`;
  return [findingOf("ENTRY_OVERLAPS", message, { field: "range" })];
}

/**
 * The earlier entries because of which one is nobody's first source for any of its kinds; one of them alone where
 * that is enough. Undefined where it is somebody's.
 */
function shadowsOf(reach: Reach, earlier: Reach[]): number[] | undefined {
  const near = [...earlier.keys()].filter((index) => {
    const each = earlier[index];
    return each !== undefined && sharesKind(each.entry, reach.entry) && overlaps(each, reach);
  });
  const reachesOf = (indices: number[]) => indices.flatMap((index) => earlier[index] ?? []);
  const isShadowedBy = (indices: number[]) =>
    reach.entry.kinds.every((kind) =>
      isCovered(
        reach,
        reachesOf(indices).filter(({ entry }) => entry.kinds.includes(kind)),
      ),
    );
  if (near.length === 0 || !isShadowedBy(near)) return undefined;
  const alone = near.find((index) => isShadowedBy([index]));
  return alone === undefined ? near : [alone];
}

function sharesKind(one: SourceListEntry, other: SourceListEntry): boolean {
  return one.kinds.some((kind) => other.kinds.includes(kind));
}

function delivers(one: SourceListEntry, other: SourceListEntry): boolean {
  return other.kinds.every((kind) => one.kinds.includes(kind));
}

/** Whether every agent that `inner` is for is one that some of `outer` are for. */
function isCovered(inner: Reach, outer: Reach[]): boolean {
  const covering = outer
    .filter(({ entry: { dnsSuffix } }) => dnsSuffix === undefined || dnsSuffix === inner.entry.dnsSuffix)
    .flatMap(({ addresses }) => addresses)
    .toSorted((one, other) => (one.first < other.first ? -1 : 1));
  return inner.addresses.every(({ family, first, last }) => {
    let next: string | undefined = first;
    for (const each of covering) {
      if (each.family !== family || next === undefined || each.last < next || next > last) continue;
      if (each.first > next) return false;
      next = neighbour(each.last, 1n);
    }
    return next === undefined || next > last;
  });
}

/** Whether two entries are for the same addresses in part, in domains that go together. */
function overlaps(one: Reach, other: Reach): boolean {
  const [{ dnsSuffix: ofOne }, { dnsSuffix: ofOther }] = [one.entry, other.entry];
  const areApart = ofOne !== undefined && ofOther !== undefined && ofOne !== ofOther;
  return !areApart && overlap(one.addresses, other.addresses);
}

function overlap(some: readonly AddressRange[], others: readonly AddressRange[]): boolean {
  return some.some(({ family, first, last }) =>
    others.some((each) => each.family === family && each.first <= last && first <= each.last),
  );
}

/**
 * Fields of a list, as it was written and valid or not, that this program does not know, and those that an older
 * one may not know although it has to: what is of the list as a whole comes first.
 */
export function reviewFields(list: unknown): Finding[] {
  const findings = unknownFields(sourceListSchema, list).map((field) =>
    findingAt("FIELD_UNKNOWN", field.path, (place) => hasNoEffect(place, field)),
  );
  return sortFindings([...reviewRequires(list), ...findings]);
}

function reviewRequires(list: unknown): Finding[] {
  const { requires } = (list ?? {}) as { requires?: unknown };
  const [used, required] = [featuresOf(list), Array.isArray(requires) ? requires : []];
  const lacking = used.filter((feature) => !required.includes(feature));
  const idle = FEATURES.filter((feature) => required.includes(feature) && !used.includes(feature));
  const place = { field: "requires" };
  return [
    ...lacking.map((feature) => {
      const message = `it has ${feature}, which an older agent passes over, to go where it should not: add "${feature}" to "requires"`;
      return findingOf("REQUIRES_LACKING", message, place);
    }),
    ...idle.map((feature) => {
      const message = `it requires ${feature} and does not have it: agents that lack it refuse the list for nothing`;
      return findingOf("REQUIRES_IDLE", message, place);
    }),
  ];
}

/** The finding of `say` about a place in a list; `say` gets the part of the place within the entry. */
export function findingAt(code: FindingCode, path: Fault["path"], say: (place: string) => string): Finding {
  const [first, entry, ...rest] = path;
  const isOfEntry = first === "entries" && typeof entry === "number";
  const field = placeOf(isOfEntry ? rest : path);
  return findingOf(code, say(field), { entry: isOfEntry ? entry : null, field });
}
