import type { SourceListEntry } from "../../order/sourceList.ts";
import { nameOf } from "../sourceName.ts";
import { addAttempts, noneOf, type SourceTraffic } from "./reportTraffic.ts";
import { readSourceKey } from "./updateAgentPlaces.ts";

/** Names for the sources that traffic is summed up by: no two of them have the same. */
export class SourceNames {
  /** Names that entries, and an agent itself, give to each Update Agent, by its id. */
  readonly #ofAgent = new Map<string, Set<string>>();
  /** Update Agents that each of those names is one of. */
  readonly #agents = new Map<string, Set<string>>();
  /** URLs of entries that lead to no Update Agent, by their names. */
  readonly #urls = new Map<string, string>();

  /**
   * @param led ids of the Update Agents that each entry leads to
   * @param names of agents, by id
   */
  constructor(
    entries: readonly SourceListEntry[],
    led: readonly (readonly string[])[],
    names: ReadonlyMap<string, string>,
  ) {
    entries.forEach((entry, index) => {
      const ids = led[index] ?? [];
      for (const id of ids) this.#call(id, nameOf(entry));
      if (ids.length === 0) this.#urls.set(nameOf(entry), entry.url);
    });
    for (const [id, name] of names) if (!this.#ofAgent.has(id)) this.#call(id, name);
  }

  #call(id: string, name: string): void {
    this.#ofAgent.getOrInsertComputed(id, () => new Set()).add(name);
    this.#agents.getOrInsertComputed(name, () => new Set()).add(id);
  }

  /** All names of the source of a key (`UpdateAgentPlaces.keyOf`), as entries have them. */
  all(key: string): readonly string[] {
    const read = readSourceKey(key);
    return "agent" in read ? [...(this.#ofAgent.get(read.agent) ?? [read.agent])] : [read.source];
  }

  /** One name of it, that is no other source's; and whether another is called the same. */
  one(key: string): { name: string; isShared: boolean } {
    const read = readSourceKey(key);
    const [name = key] = this.all(key);
    const agents = this.#agents.get(name)?.size ?? 0;
    if ("agent" in read) {
      const isShared = agents > 1;
      return { name: isShared ? `${name} (${read.agent})` : name, isShared };
    }
    // Of what was summed up by name alone, it is an Update Agent's where no other source is called so.
    const url = this.#urls.get(name);
    if (agents === 0 || url === undefined || url === name) return { name, isShared: false };
    return { name: `${name} (${url})`, isShared: true };
  }

  /** Traffic by those names. */
  named(traffic: readonly SourceTraffic[]): (SourceTraffic & { isShared: boolean; isAgent: boolean })[] {
    const sums = new Map<string, SourceTraffic & { isShared: boolean; isAgent: boolean }>();
    for (const each of traffic) {
      const { name, isShared } = this.one(each.source);
      const sum = sums.getOrInsertComputed(name, () => ({ ...noneOf(name), isShared, isAgent: false }));
      addAttempts(sum, each);
      sum.isAgent ||= "agent" in readSourceKey(each.source);
    }
    return [...sums.values()];
  }
}
