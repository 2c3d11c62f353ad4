import { type Address, parseAddress } from "../order/address.ts";
import type { SourceList } from "../order/sourceList.ts";
import { hostOfUrl } from "../order/url.ts";
import { AddressClasses } from "./addressClasses.ts";
import type { FleetAgent } from "./fleetAgent.ts";

/** Agents that are alike: the order of one is that of all. */
export interface AgentClass {
  agent: FleetAgent;
  count: number;
}

/**
 * Agents by what their orders depend on under some lists. One that an entry leads to is passed over for itself,
 * and is a class by itself.
 */
export class AgentClasses {
  readonly #stretches: AddressClasses;
  readonly #hosts: ReadonlySet<string>;
  readonly #named: ReadonlySet<string>;
  readonly #urls: ReadonlySet<string>;
  readonly #apart: ReadonlySet<string>;

  /** @param apart ids of agents that are classes by themselves, whatever the lists */
  constructor(lists: readonly SourceList[], apart: ReadonlySet<string> = new Set()) {
    this.#apart = apart;
    this.#stretches = new AddressClasses(lists);
    this.#hosts = new Set(lists.flatMap(({ entries }) => entries.map(({ url }) => hostOfUrl(url))));
    this.#urls = new Set(lists.flatMap(({ entries }) => entries.map(({ url }) => url)));
    this.#named = new Set([...this.#hosts].flatMap(readAddress).map(keyOf));
  }

  /** Agents with the same key have the same order. */
  keyOf(agent: FleetAgent): string {
    const { domain, role, id } = agent;
    return `${this.#stretches.of(agent)}|${domain}|${role}|${this.#apart.has(id) || this.isNamed(agent) ? id : ""}`;
  }

  /** Whether the host of an entry is one of this agent's names or addresses, or its URL one of this agent's. */
  isNamed({ self, addresses, dnsSuffixes }: FleetAgent): boolean {
    return (
      self.names.some((name) => this.#isHost(name, dnsSuffixes)) ||
      self.urls?.some((url) => this.#urls.has(url)) === true ||
      addresses.some((address) => this.#named.has(keyOf(address)))
    );
  }

  #isHost(name: string, dnsSuffixes: readonly string[]): boolean {
    return this.#hosts.has(name) || dnsSuffixes.some((suffix) => this.#hosts.has(`${name}.${suffix}`));
  }

  /** The classes of a fleet. */
  of(agents: Iterable<FleetAgent>): AgentClass[] {
    const classes = new Map<string, AgentClass>();
    for (const agent of agents) {
      const key = this.keyOf(agent);
      const known = classes.get(key);
      if (known === undefined) classes.set(key, { agent, count: 1 });
      else known.count++;
    }
    return [...classes.values()];
  }
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
