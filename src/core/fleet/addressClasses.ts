import { type Address, rangeContains } from "../order/address.ts";
import type { SourceList } from "../order/sourceList.ts";

/**
 * The address space cut at every boundary of a list's ranges: what lies between two cuts is in the same
 * ranges, so all agents there have the same order. Hundreds of thousands of agents come to a few thousand
 * classes.
 */
export class AddressClasses {
  /** Per family, sorted: where a stretch begins. */
  readonly #starts: Record<4 | 6, string[]>;

  constructor(lists: readonly SourceList[]) {
    const ranges = lists.flatMap(({ entries }) => entries.map(({ range }) => range));
    const cutsOf = (family: 4 | 6) => {
      const own = ranges.filter((range) => range.family === family);
      return [...new Set(own.flatMap(({ first, last }) => [first, after(last)]))].toSorted();
    };
    this.#starts = { 4: cutsOf(4), 6: cutsOf(6) };
  }

  /** The stretches that an agent's addresses are in: agents with the same ones are alike for these lists. */
  of(addresses: readonly Address[]): string {
    return addresses.map((address) => `${address.family}.${this.#stretchOf(address)}`).join(" ");
  }

  #stretchOf({ family, hex }: Address): number {
    const starts = this.#starts[family];
    let [low, high] = [0, starts.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((starts[middle] ?? "") <= hex) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The address after one, as text that sorts behind it; behind the last of its family sorts nothing of it. */
function after(hex: string): string {
  const next = (BigInt(`0x${hex}`) + 1n).toString(16);
  return next.length > hex.length ? "g" : next.padStart(hex.length, "0");
}

/** Whether any entry of a list matches one of these addresses. */
export function isMatched({ entries }: SourceList, addresses: readonly Address[]): boolean {
  return entries.some(({ range }) => addresses.some((address) => rangeContains(range, address)));
}
