import type { Kind } from "../content/kind.ts";
import { type Address, parseAddress } from "../order/address.ts";
import type { Situation } from "../order/conditions.ts";
import { isForAgent } from "../order/entryMatch.ts";
import type { Step, UpdateOrder } from "../order/plan.ts";
import type { SourceList } from "../order/sourceList.ts";
import { updateOrder } from "../order/updateOrder.ts";
import { hostOfUrl } from "../order/url.ts";
import type { Policy } from "../settings/policy.ts";
import { AddressClasses, isMatched } from "./addressClasses.ts";

/** An agent, as far as its order depends on it. */
export interface FleetAgent {
  id: string;
  addresses: Address[];
  /** The domains of its DNS search list, in the spelling of `canonicalName`. */
  dnsSuffixes: readonly string[];
  /** Its own host names, lower case, and the port it serves on. */
  self: { names: string[]; port: number };
  domain: string;
  role: "agent" | "update-agent";
}

/** Settings that all agents go by. */
export interface FleetSettings {
  list: SourceList;
  /** The policy of a domain. */
  policyOf(domain: string): Policy;
  server: string | undefined;
  activeUpdate: string | undefined;
  kinds: Kind[];
  /** Sources, by base URL, that are taken for dead: agents go on to the next. */
  without?: ReadonlySet<string> | undefined;
}

/** First sources of a fleet. */
export interface FleetSources {
  agents: number;
  /** First sources, the one with the most agents first. A source is named as the list names it, else by its URL. */
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

/** Agents that are alike: the order of one is that of all. */
interface AgentClass {
  agent: FleetAgent;
  count: number;
}

/**
 * Adds up where a whole fleet goes, before a change and after it, by the real update order: once for each
 * class of agents that it cannot tell apart (docs/server.md).
 */
export function fleetEffect(
  agents: Iterable<FleetAgent>,
  before: FleetSettings,
  after: FleetSettings,
): FleetEffect {
  const classes = classesOf(agents, [before, after]);
  const [tallyBefore, tallyAfter] = [new Tally(before), new Tally(after)];
  const moves = new Map<string, FleetEffect["moved"][number]>();
  for (const { agent, count } of classes) {
    const from = tallyBefore.add(agent, count);
    const to = tallyAfter.add(agent, count);
    if (from === to) continue;
    const key = JSON.stringify([from, to]);
    const known = moves.get(key);
    moves.set(key, { from, to, agents: count + (known?.agents ?? 0) });
  }
  const moved = [...moves.values()].toSorted((one, other) => other.agents - one.agents);
  return { before: tallyBefore.sum(), after: tallyAfter.sum(), moved };
}

/** Agents by what their orders depend on. One that an entry leads to is passed over for itself, and is a class by itself. */
function classesOf(agents: Iterable<FleetAgent>, settings: readonly FleetSettings[]): AgentClass[] {
  const lists = settings.map(({ list }) => list);
  const stretches = new AddressClasses(lists);
  const hosts = new Set(lists.flatMap(({ entries }) => entries.map(({ url }) => hostOfUrl(url))));
  const named = new Set([...hosts].flatMap(readAddress).map(keyOf));
  const classes = new Map<string, AgentClass>();
  for (const agent of agents) {
    const { addresses, self, domain, role, id } = agent;
    const isNamed =
      self.names.some((name) => hosts.has(name)) || addresses.some((address) => named.has(keyOf(address)));
    const key = `${stretches.of(agent)}|${domain}|${role}|${isNamed ? id : ""}`;
    const known = classes.get(key);
    if (known === undefined) classes.set(key, { agent, count: 1 });
    else known.count++;
  }
  return [...classes.values()];
}

function readAddress(host: string): Address[] {
  try {
    return [parseAddress(host)];
  } catch {
    return [];
  }
}

function keyOf({ family, hex }: Address): string {
  return `${family}.${hex}`;
}

/** Counts agents by their first sources. */
class Tally {
  readonly #settings: FleetSettings;
  readonly #sources = new Map<string, FleetSources["sources"][number]>();
  readonly #uncovered: FleetSources["uncovered"] = {};
  #agents = 0;
  #unmatched = 0;

  constructor(settings: FleetSettings) {
    this.#settings = settings;
  }

  /** @returns the first source of these agents; null where they have none */
  add(agent: FleetAgent, count: number): string | null {
    const { kinds, without } = this.#settings;
    const list = this.#listFor(agent);
    const steps = orderOfAgent(agent, { ...this.#settings, list }).steps.filter(
      ({ url }) => without?.has(url) !== true,
    );
    this.#agents += count;
    if (!isMatched(list, agent)) this.#unmatched += count;
    const firsts = new Map<string, Kind[]>();
    for (const kind of kinds) {
      const first = steps.find((step) => step.kinds.includes(kind));
      if (first === undefined) this.#uncovered[kind] = (this.#uncovered[kind] ?? 0) + count;
      else firsts.set(nameOf(first), [...(firsts.get(nameOf(first)) ?? []), kind]);
    }
    for (const [name, own] of firsts) this.#count(name, own, count);
    const [first] = steps;
    return first === undefined ? null : nameOf(first);
  }

  /** The list without the entries that its order cannot depend on: reasons for each of those are for nobody here. */
  #listFor(agent: FleetAgent): SourceList {
    const { list, activeUpdate } = this.#settings;
    const entries = list.entries.filter(
      (entry, index) => index === 0 || entry.url === activeUpdate || isForAgent(entry, agent),
    );
    return { ...list, entries };
  }

  #count(name: string, kinds: Kind[], count: number): void {
    const source = this.#sources.get(name) ?? { name, agents: 0, kinds: {} };
    source.agents += count;
    for (const kind of kinds) source.kinds[kind] = (source.kinds[kind] ?? 0) + count;
    this.#sources.set(name, source);
  }

  sum(): FleetSources {
    const sources = [...this.#sources.values()].toSorted((one, other) => other.agents - one.agents);
    return { agents: this.#agents, sources, uncovered: this.#uncovered, unmatched: this.#unmatched };
  }
}

/** The order of one agent by these settings: what it would itself compute. */
export function orderOfAgent(agent: FleetAgent, settings: FleetSettings): UpdateOrder {
  const { addresses, dnsSuffixes, self, domain, role } = agent;
  const { list, server, activeUpdate, kinds } = settings;
  const policy = settings.policyOf(domain);
  const situation: Situation = {
    list,
    policy,
    role,
    addresses,
    dnsSuffixes,
    self,
    server,
    activeUpdate,
    kinds,
  };
  return updateOrder(situation);
}

/** Name of a step's source, for people. */
export function nameOf({ rule, name, url }: Pick<Step, "rule" | "name" | "url">): string {
  if (rule === "server") return "server";
  return rule === "active-update" ? "ActiveUpdate" : (name ?? url);
}
