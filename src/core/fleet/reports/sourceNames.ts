import type { SourceListEntry } from "../../order/sourceList.ts";
import { type NamedSource, nameOf } from "../sourceName.ts";
import { addAttempts, noneOf, type SourceTraffic } from "./reportTraffic.ts";
import { readSourceKey, type UpdateAgentPlaces } from "./updateAgentPlaces.ts";

/** Names of the sources that are no entries. */
const ALWAYS = ["server", "ActiveUpdate"];

/**
 * Names for sources, of which no two have the same, and none has two: an Update Agent has its own, by however many
 * entries it is reached; any other that which its entry gives it.
 */
export class SourceNames {
  readonly #places: UpdateAgentPlaces;
  readonly #names: ReadonlyMap<string, string>;
  /** Update Agents by the names that entries, and they themselves, give them. */
  readonly #called = new Map<string, Set<string>>();
  /** Update Agents by their own names alone. */
  readonly #named: ReadonlyMap<string, readonly string[]>;
  /** URLs of entries that lead to no Update Agent, by their names. */
  readonly #urls = new Map<string, string>();

  /** @param names of Update Agents, by id */
  constructor(
    places: UpdateAgentPlaces,
    entries: Iterable<Pick<SourceListEntry, "name" | "url">>,
    names: ReadonlyMap<string, string>,
  ) {
    this.#places = places;
    this.#names = names;
    for (const entry of entries) {
      const id = places.led(entry);
      if (id === undefined) this.#urls.set(nameOf(entry), entry.url);
      else this.#call(nameOf(entry), id);
    }
    for (const [id, name] of names) this.#call(name, id);
    this.#named = Map.groupBy(names.keys(), (id) => names.get(id) ?? id);
  }

  #call(name: string, id: string): void {
    this.#called.getOrInsertComputed(name, () => new Set()).add(id);
  }

  /** Name of a source of an order, or of a list. */
  of(source: NamedSource): string {
    const id = (source.rule ?? "custom") === "custom" ? this.#places.led(source) : undefined;
    return id === undefined ? this.#ofOther(nameOf(source)) : this.#ofAgent(id);
  }

  /** Name of the source of a key (`UpdateAgentPlaces.keyOf`). */
  one(key: string): string {
    const read = readSourceKey(key);
    if ("agent" in read) return this.#ofAgent(read.agent);
    // Of what was summed up by name alone, it is an Update Agent's where no other source is called so.
    const [id, ...others] = this.#called.get(read.source) ?? [];
    const isAgent = id !== undefined && others.length === 0 && !this.#urls.has(read.source);
    return isAgent && !ALWAYS.includes(read.source) ? this.#ofAgent(id) : this.#ofOther(read.source);
  }

  #ofAgent(id: string): string {
    const name = this.#names.get(id) ?? id;
    const isShared = (this.#named.get(name)?.length ?? 0) > 1 || ALWAYS.includes(name);
    return isShared ? `${name} (${id})` : name;
  }

  #ofOther(name: string): string {
    const url = this.#urls.get(name);
    return url === undefined || url === name || !this.#called.has(name) ? name : `${name} (${url})`;
  }

  /** Traffic by those names. */
  named(traffic: readonly SourceTraffic[]): (SourceTraffic & { isAgent: boolean })[] {
    const sums = new Map<string, SourceTraffic & { isAgent: boolean }>();
    for (const each of traffic) {
      const name = this.one(each.source);
      const sum = sums.getOrInsertComputed(name, () => ({ ...noneOf(name), isAgent: false }));
      addAttempts(sum, each);
      sum.isAgent ||= "agent" in readSourceKey(each.source);
    }
    return [...sums.values()];
  }
}
