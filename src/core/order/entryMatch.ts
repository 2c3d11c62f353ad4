import { type Address, type AddressRange, rangeContains } from "./address.ts";
import type { SourceListEntry, WrittenRange } from "./sourceList.ts";

/** Facts about an agent by which entries are for it or not. */
export interface Whereabouts {
  /** All of its addresses: an entry is for it when it is for any of them (ADR 2). */
  addresses: readonly Address[];
  /** The domains of its DNS search list, in the spelling of `canonicalName`. */
  dnsSuffixes: readonly string[];
}

/** Whether an entry is for agents at an address: in its range, and in none of those that it excepts (ADR 15). */
export function isForAddress({ range, except }: SourceListEntry, address: Address): boolean {
  return (
    rangeContains(range, address) && (except === undefined || exceptionFor(except, address) === undefined)
  );
}

/** The exception that an address is in; undefined for none. */
export function exceptionFor(except: readonly WrittenRange[], address: Address): WrittenRange | undefined {
  return except.find(({ range }) => rangeContains(range, address));
}

/** Whether an entry is for agents with these search domains: always, unless it names one that is not among them. */
export function isForDomains({ dnsSuffix }: SourceListEntry, dnsSuffixes: readonly string[]): boolean {
  return dnsSuffix === undefined || dnsSuffixes.includes(dnsSuffix);
}

/** Whether an entry is for an agent; whether it leads to that very agent is not looked at. */
export function isForAgent(entry: SourceListEntry, { addresses, dnsSuffixes }: Whereabouts): boolean {
  return addresses.some((address) => isForAddress(entry, address)) && isForDomains(entry, dnsSuffixes);
}

/**
 * The addresses that an entry is for: its range without what it excepts, as ranges that neither overlap nor
 * touch, the lowest first. None where all is excepted.
 */
export function addressesOf({ range, except = [] }: SourceListEntry): AddressRange[] {
  const { family, last } = range;
  const holes = except
    .map((each) => each.range)
    .filter((hole) => hole.family === family && hole.first <= last && range.first <= hole.last)
    .toSorted((one, other) => (one.first < other.first ? -1 : 1));
  const kept: AddressRange[] = [];
  let next: string | undefined = range.first;
  for (const hole of holes) {
    if (next === undefined || hole.last < next) continue;
    if (next < hole.first) kept.push({ family, first: next, last: neighbour(hole.first, -1n) ?? next });
    next = neighbour(hole.last, 1n);
  }
  if (next !== undefined && next <= last) kept.push({ family, first: next, last });
  return kept;
}

/** The address after one, or before it; undefined beyond the ends of its family. */
export function neighbour(hex: string, step: 1n | -1n): string | undefined {
  const value = BigInt(`0x${hex}`) + step;
  const text = value.toString(16).padStart(hex.length, "0");
  return value < 0n || text.length > hex.length ? undefined : text;
}
