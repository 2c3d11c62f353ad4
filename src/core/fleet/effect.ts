import type { Kind } from "../content/kind.ts";
import { isMatched } from "./addressClasses.ts";
import { AgentClasses } from "./agentClasses.ts";
import { type FleetAgent, type FleetSettings, sourcesOf } from "./fleetAgent.ts";
import { FleetUse } from "./fleetUse.ts";
import { type NamedSource, nameOf } from "./sourceName.ts";

/** First sources of a fleet. */
export interface FleetSources {
  agents: number;
  /** First sources, the one with the most agents first: an Update Agent once, by its name; others as the list names them. */
  sources: { name: string; agents: number; kinds: Partial<Record<Kind, number>> }[];
  /** Agents that have no source for a kind. */
  uncovered: Partial<Record<Kind, number>>;
  /** Agents that no entry of the list matches. */
  unmatched: number;
}

/** Effect of a change on a fleet. */
export interface FleetEffect {
  before: FleetSources;
  after: FleetSources;
  /** Agents whose first source is another; null is none. The largest move first. */
  moved: { from: string | null; to: string | null; agents: number }[];
}

/**
 * Adds up where a whole fleet goes, before a change and after it, by the real update order: once for each
 * class of agents that it cannot tell apart (docs/server.md).
 *
 * @param use takes note of how the list is used after the change, in the same pass
 * @param called the name of a source: what has the same counts as one
 */
export function fleetEffect(
  agents: Iterable<FleetAgent>,
  before: FleetSettings,
  after: FleetSettings,
  { use, called = nameOf }: { use?: FleetUse; called?: (source: NamedSource) => string } = {},
): FleetEffect {
  const apart = new Set([before, after].flatMap(({ roles }) => [...(roles?.keys() ?? [])]));
  const classes = new AgentClasses([before.list, after.list], apart).of(agents);
  const [tallyBefore, tallyAfter] = [new Tally(before, called), new Tally(after, called, use)];
  const moves = new Map<string, FleetEffect["moved"][number]>();
  for (const { agent, count } of classes) {
    const from = tallyBefore.add(agent, count);
    const to = tallyAfter.add(agent, count);
    if (from === to) continue;
    const key = JSON.stringify([from, to]);
    const known = moves.get(key);
    moves.set(key, { from, to, agents: count + (known?.agents ?? 0) });
  }
  const moved = [...moves.values()].toSorted(
    (one, other) => mostFirst(one, other) || byText(pathOf(one), pathOf(other)),
  );
  return { before: tallyBefore.sum(), after: tallyAfter.sum(), moved };
}

/** Use that a fleet makes of the list by which it goes. @param placeOf as `FleetUse` has it */
export function useOfList(
  agents: Iterable<FleetAgent>,
  settings: FleetSettings,
  placeOf: (url: string) => string,
): FleetUse {
  const use = new FleetUse(settings.list, settings.kinds, placeOf);
  for (const { agent, count } of new AgentClasses([settings.list]).of(agents)) {
    use.add(agent, count, sourcesOf(agent, settings));
  }
  return use;
}

/** Counts agents by their first sources. */
class Tally {
  readonly #settings: FleetSettings;
  readonly #called: (source: NamedSource) => string;
  readonly #use: FleetUse | undefined;
  readonly #sources = new Map<string, FleetSources["sources"][number]>();
  readonly #uncovered: FleetSources["uncovered"] = {};
  #agents = 0;
  #unmatched = 0;

  constructor(settings: FleetSettings, called: (source: NamedSource) => string, use?: FleetUse) {
    this.#settings = settings;
    this.#called = called;
    this.#use = use;
  }

  /** @returns the first source of these agents; null where they have none */
  add(agent: FleetAgent, count: number): string | null {
    const { kinds, list } = this.#settings;
    const steps = sourcesOf(agent, this.#settings);
    this.#agents += count;
    if (!isMatched(list, agent)) this.#unmatched += count;
    const firsts = new Map<string, Kind[]>();
    for (const kind of kinds) {
      const first = steps.find((step) => step.kinds.includes(kind));
      if (first === undefined) this.#uncovered[kind] = (this.#uncovered[kind] ?? 0) + count;
      else firsts.getOrInsertComputed(this.#called(first), () => []).push(kind);
    }
    for (const [name, own] of firsts) this.#count(name, own, count);
    this.#use?.add(agent, count, steps);
    const [first] = steps;
    return first === undefined ? null : this.#called(first);
  }

  #count(name: string, kinds: Kind[], count: number): void {
    const source = this.#sources.get(name) ?? { name, agents: 0, kinds: {} };
    source.agents += count;
    for (const kind of kinds) source.kinds[kind] = (source.kinds[kind] ?? 0) + count;
    this.#sources.set(name, source);
  }

  sum(): FleetSources {
    const sources = [...this.#sources.values()].toSorted(
      (one, other) => mostFirst(one, other) || byText(one.name, other.name),
    );
    return { agents: this.#agents, sources, uncovered: this.#uncovered, unmatched: this.#unmatched };
  }
}

// The agents come in no order of their own: what is equally many is named in the order of names.
const mostFirst = (one: { agents: number }, other: { agents: number }) => other.agents - one.agents;
const byText = (one: string, other: string) => Number(one > other) - Number(one < other);
/** From and to; agents that are left without a source come last. */
const pathOf = ({ from, to }: { from: string | null; to: string | null }) =>
  [from, to].map((name) => name ?? "\u{10ffff}").join("\n");
