import type { Kind } from "../content/kind.ts";
import { isForAgent } from "../order/entryMatch.ts";
import type { Step } from "../order/plan.ts";
import type { SourceList } from "../order/sourceList.ts";
import type { FleetAgent } from "./fleetAgent.ts";

/** Use that a fleet makes of one entry of a list. */
export interface EntryUse {
  /** Agents that it is for. */
  near: number;
  /** Agents of whose order it is the first source for some kind. */
  first: number;
}

/** Use that a fleet makes of a list, added up class by class. */
export class FleetUse {
  readonly entries: EntryUse[];
  /** Agents that each entry is for, and that go where it leads, by whatever entry. */
  readonly users: number[];
  /** Agents by the place of a first source of theirs, and those that some entry which leads there is for. */
  readonly agentsOf = new Map<string, number>();
  readonly nearOf = new Map<string, number>();
  /** Entries that are the first source of an Update Agent, by its id; none where that is no entry. */
  readonly upstreams = new Map<string, number[]>();
  agents = 0;
  unmatched = 0;
  /** Agents that have no source for a kind that they need; their settings come from the server, whatever the list says. */
  readonly uncovered = new Map<Kind, number>();
  readonly #list: SourceList;
  readonly #kinds: readonly Kind[];
  readonly #placeOf: (url: string) => string;
  /** Places of the entries. */
  readonly #places: readonly string[];
  readonly #firstEntries = new Map<string, number>();

  /**
   * @param kinds those that agents need
   * @param placeOf the place of the source at a URL: several URLs may lead to one
   */
  constructor(list: SourceList, kinds: readonly Kind[], placeOf: (url: string) => string = (url) => url) {
    this.#list = list;
    this.#placeOf = placeOf;
    this.#places = list.entries.map(({ url }) => placeOf(url));
    this.#kinds = kinds.filter((kind) => kind !== "settings");
    this.entries = list.entries.map(() => ({ near: 0, first: 0 }));
    this.users = list.entries.map(() => 0);
    for (const [index, place] of this.#places.entries()) this.#firstEntries.getOrInsert(place, index);
  }

  /** The place of an entry, and whether it is the first that leads there. */
  placeOfEntry(index: number): { place: string; isFirst: boolean } {
    const place = this.#places[index] ?? "";
    return { place, isFirst: this.#firstEntries.get(place) === index };
  }

  /** Agents that are alike, and the sources that they go to. */
  add(agent: FleetAgent, count: number, steps: readonly Step[]): void {
    this.agents += count;
    this.#addNear(agent, count, new Set(steps.map(({ url }) => this.#placeOf(url))));
    const had = new Set<Kind>();
    const firsts = new Set<string>();
    for (const { entry, url, kinds } of steps) {
      const own = kinds.filter((kind) => !had.has(kind));
      if (own.length === 0) continue;
      for (const kind of own) had.add(kind);
      firsts.add(this.#placeOf(url));
      const use = entry === undefined ? undefined : this.entries[entry];
      if (use !== undefined) use.first += count;
    }
    for (const place of firsts) this.agentsOf.set(place, (this.agentsOf.get(place) ?? 0) + count);
    for (const kind of this.#kinds) {
      if (!had.has(kind)) this.uncovered.set(kind, (this.uncovered.get(kind) ?? 0) + count);
    }
    if (agent.role === "update-agent") {
      const [first] = steps;
      this.upstreams.set(agent.id, first?.entry === undefined ? [] : [first.entry]);
    }
  }

  /** @param to the places that these agents go to */
  #addNear(agent: FleetAgent, count: number, to: ReadonlySet<string>): void {
    const near = new Set<string>();
    for (const [index, entry] of this.#list.entries.entries()) {
      if (!isForAgent(entry, agent)) continue;
      const place = this.#places[index] ?? "";
      near.add(place);
      const use = this.entries[index];
      if (use !== undefined) use.near += count;
      if (to.has(place)) this.users[index] = (this.users[index] ?? 0) + count;
    }
    if (near.size === 0) this.unmatched += count;
    for (const place of near) this.nearOf.set(place, (this.nearOf.get(place) ?? 0) + count);
  }
}
