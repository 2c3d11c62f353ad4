import { type Fault, placeOf } from "../document.ts";
import { hasNoEffect, unknownFields } from "../settings/unknownFields.ts";
import type { AddressRange } from "./address.ts";
import { addressesOf } from "./entryMatch.ts";
import {
  FEATURES,
  featuresOf,
  type SourceList,
  type SourceListEntry,
  sourceListSchema,
} from "./sourceList.ts";

/** A probable mistake in a list. */
export interface Finding {
  entry?: number;
  remark: string;
}

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
    for (const remark of remarksOn(reach, reaches.slice(0, index))) findings.push({ entry: index, remark });
  }
  return findings;
}

function reviewWhole(list: SourceList): Finding[] {
  const remarks: string[] = [];
  if (list.mode === "standard" && list.entries.length > 0) {
    remarks.push("its mode is standard, so its entries are not used");
  }
  if (list.mode === "customized" && list.entries.length === 0 && !list.serverFallback.enabled) {
    remarks.push("it has no entries and does not fall back to the server");
  }
  return remarks.map((remark) => ({ remark }));
}

function remarksOn(reach: Reach, earlier: Reach[]): string[] {
  const { entry, addresses } = reach;
  const idle = (entry.except ?? []).filter(({ range }) => !overlap([range], [entry.range]));
  const remarks = idle.map(
    ({ rangeText }) => `excepts ${rangeText}, of which nothing is in ${entry.rangeText}`,
  );
  if (addresses.length === 0) return [...remarks, `excepts all of ${entry.rangeText}: it is for nobody`];
  const others = remarkOnEarlier(reach, earlier);
  return others === undefined ? remarks : [...remarks, others];
}

function remarkOnEarlier(reach: Reach, earlier: Reach[]): string | undefined {
  const { entry } = reach;
  const twin = earlier.findIndex(
    (each) => each.entry.url === entry.url && delivers(each.entry, entry) && contains(each, reach),
  );
  if (twin !== -1)
    return `repeats ${entry.url} of entries[${twin}] for addresses that are in its range already`;
  const cover = earlier.findIndex((each) => contains(each, reach));
  if (cover !== -1) {
    return `${entry.rangeText} lies within ${earlier[cover]?.entry.rangeText} of entries[${cover}], which is tried first`;
  }
  const crossed = earlier.findIndex((each) => overlaps(each, reach) && !contains(reach, each));
  if (crossed === -1) return undefined;
  return `${entry.rangeText} overlaps ${earlier[crossed]?.entry.rangeText} of entries[${crossed}], which is tried first`;
}

function delivers(one: SourceListEntry, other: SourceListEntry): boolean {
  return other.kinds.every((kind) => one.kinds.includes(kind));
}

/** Whether every agent that `inner` is for is one that `outer` is for. */
function contains(outer: Reach, inner: Reach): boolean {
  const { dnsSuffix } = outer.entry;
  if (dnsSuffix !== undefined && dnsSuffix !== inner.entry.dnsSuffix) return false;
  return inner.addresses.every(({ family, first, last }) =>
    outer.addresses.some((each) => each.family === family && each.first <= first && last <= each.last),
  );
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
    findingAt(field.path, (place) => hasNoEffect(place, field)),
  );
  return [...reviewRequires(list), ...findings].sort((a, b) => (a.entry ?? -1) - (b.entry ?? -1));
}

function reviewRequires(list: unknown): Finding[] {
  const { requires } = (list ?? {}) as { requires?: unknown };
  const [used, required] = [featuresOf(list), Array.isArray(requires) ? requires : []];
  const lacking = used.filter((feature) => !required.includes(feature));
  const idle = FEATURES.filter((feature) => required.includes(feature) && !used.includes(feature));
  return [
    ...lacking.map((feature) => ({
      remark: `it has ${feature}, which an older agent passes over, to go where it should not: add "${feature}" to "requires"`,
    })),
    ...idle.map((feature) => ({
      remark: `it requires ${feature} and does not have it: agents that lack it refuse the list for nothing`,
    })),
  ];
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
