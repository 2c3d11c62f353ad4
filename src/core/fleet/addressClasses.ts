import type { Address } from "../order/address.ts";
import { isForAgent, neighbour, type Whereabouts } from "../order/entryMatch.ts";
import type { SourceList } from "../order/sourceList.ts";

/**
 * The address space cut at every boundary of a list's ranges and of their exceptions: what lies between two cuts
 * is in the same ranges, so all agents there that have the same of the search domains which the lists name
 * have the same order. Hundreds of thousands of agents come to a few thousand classes.
 */
export class AddressClasses {
  /** Per family, sorted: where a stretch begins. */
  readonly #starts: Record<4 | 6, string[]>;
  /** Search domains that entries name. */
  readonly #domains: readonly string[];

  constructor(lists: readonly SourceList[]) {
    const entries = lists.flatMap((list) => list.entries);
    const written = entries.flatMap((entry) => [entry, ...(entry.except ?? [])]);
    const ranges = written.map(({ range }) => range);
    this.#domains = [...new Set(entries.flatMap(({ dnsSuffix = [] }) => dnsSuffix))];
    const cutsOf = (family: 4 | 6) => {
      const own = ranges.filter((range) => range.family === family);
      return [
        ...new Set(own.flatMap(({ first, last }) => [first, neighbour(last, 1n) ?? BEHIND_ALL])),
      ].toSorted();
    };
    this.#starts = { 4: cutsOf(4), 6: cutsOf(6) };
  }

  /** The stretches that an agent's addresses are in, and its domains: agents with the same are alike for these lists. */
  of({ addresses, dnsSuffixes }: Whereabouts): string {
    const stretches = addresses.map((address) => `${address.family}.${this.#stretchOf(address)}`).join(" ");
    if (this.#domains.length === 0 || dnsSuffixes.length === 0) return stretches;
    return `${stretches};${this.#domains.filter((domain) => dnsSuffixes.includes(domain)).join(" ")}`;
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

/** Sorts behind every address. */
const BEHIND_ALL = "g";

/** Whether any entry of a list is for an agent. */
export function isMatched({ entries }: SourceList, agent: Whereabouts): boolean {
  return entries.some((entry) => isForAgent(entry, agent));
}
