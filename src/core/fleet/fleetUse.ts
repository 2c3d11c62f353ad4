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
  /** Agents in whose order each entry is, at whatever place. */
  readonly users: number[];
  /** Agents by the URL of a first source of theirs. */
  readonly agentsOf = new Map<string, number>();
  /** Entries that are the first source of an Update Agent, by its id; none where that is no entry. */
  readonly upstreams = new Map<string, number[]>();
  agents = 0;
  unmatched = 0;
  /** Agents that have no source for a kind that they need; their settings come from the server, whatever the list says. */
  readonly uncovered = new Map<Kind, number>();
  readonly #list: SourceList;
  readonly #kinds: readonly Kind[];
  readonly #firstEntries = new Map<string, number>();

  /** @param kinds those that agents need */
  constructor(list: SourceList, kinds: readonly Kind[]) {
    this.#list = list;
    this.#kinds = kinds.filter((kind) => kind !== "settings");
    this.entries = list.entries.map(() => ({ near: 0, first: 0 }));
    this.users = list.entries.map(() => 0);
    for (const [index, { url }] of list.entries.entries()) this.#firstEntries.getOrInsert(url, index);
  }

  /** Index of the first entry with a URL. */
  firstEntryOf(url: string): number | undefined {
    return this.#firstEntries.get(url);
  }

  /** Agents that are alike, and the sources that they go to. */
  add(agent: FleetAgent, count: number, steps: readonly Step[]): void {
    this.agents += count;
    let isMatched = false;
    for (const [index, entry] of this.#list.entries.entries()) {
      if (!isForAgent(entry, agent)) continue;
      isMatched = true;
      const use = this.entries[index];
      if (use !== undefined) use.near += count;
    }
    if (!isMatched) this.unmatched += count;
    const had = new Set<Kind>();
    for (const { entry, url, kinds } of steps) {
      if (entry !== undefined) this.users[entry] = (this.users[entry] ?? 0) + count;
      const own = kinds.filter((kind) => !had.has(kind));
      if (own.length === 0) continue;
      for (const kind of own) had.add(kind);
      this.agentsOf.set(url, (this.agentsOf.get(url) ?? 0) + count);
      const use = entry === undefined ? undefined : this.entries[entry];
      if (use !== undefined) use.first += count;
    }
    for (const kind of this.#kinds) {
      if (!had.has(kind)) this.uncovered.set(kind, (this.uncovered.get(kind) ?? 0) + count);
    }
    if (agent.role === "update-agent") {
      const [first] = steps;
      this.upstreams.set(agent.id, first?.entry === undefined ? [] : [first.entry]);
    }
  }
}
