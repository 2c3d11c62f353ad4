import type { Kind } from "../../content/kind.ts";
import { parseRange } from "../../order/address.ts";
import { addressesOf } from "../../order/entryMatch.ts";
import { parseSourceList } from "../../order/sourceList.ts";

/** An entry as it is written into a list. */
export interface SuggestedEntry {
  range: string;
  name: string;
  url: string;
  kinds: Kind[];
}

/**
 * A list, as it was written, with one more entry: before the first that is for any of its addresses, so that it is
 * their first source, else at the end.
 */
export function withEntry(written: Record<string, unknown>, entry: SuggestedEntry): Record<string, unknown> {
  const { first, last, family } = parseRange(entry.range);
  const place = parseSourceList(written).entries.findIndex((each) =>
    addressesOf(each).some((range) => range.family === family && range.first <= last && first <= range.last),
  );
  const entries = (written.entries ?? []) as unknown[];
  return {
    mode: "customized",
    ...written,
    entries: entries.toSpliced(place === -1 ? entries.length : place, 0, entry),
  };
}

/** A list, as it was written, without some of its entries. */
export function withoutEntries(
  written: Record<string, unknown>,
  places: readonly number[],
): Record<string, unknown> {
  const entries = (written.entries ?? []) as unknown[];
  return { ...written, entries: entries.filter((_, index) => !places.includes(index)) };
}
