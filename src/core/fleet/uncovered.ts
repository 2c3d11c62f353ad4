import type { SourceList } from "../order/sourceList.ts";
import { AddressClasses, isMatched } from "./addressClasses.ts";
import type { FleetAgent } from "./fleetAgent.ts";
import { networkKey, networkOf } from "./network.ts";

/** A network in which agents are that no entry matches. */
export interface UncoveredNetwork {
  /** A /24 of IPv4, a /64 of IPv6. */
  network: string;
  agents: number;
  /** The ids of the first few. */
  some: string[];
}

/** Agents that no entry of a list matches. */
export interface Uncovered {
  /** All of them, each once. */
  agents: number;
  /** Those among them that have told no address. */
  withoutAddress: number;
  /** An agent with addresses in several networks is in each of them. The one with the most agents first. */
  networks: UncoveredNetwork[];
  /** Networks beyond those that are named. */
  more: number;
}

const SOME = 5;
const NAMED = 1_000;

/** Adds up the agents that no entry of a list matches, by network. */
export function findUncovered(agents: Iterable<FleetAgent>, list: SourceList): Uncovered {
  const classes = new AddressClasses([list]);
  const matched = new Map<string, boolean>();
  const networks = new Map<string, UncoveredNetwork>();
  const found = { agents: 0, withoutAddress: 0 };
  for (const agent of agents) {
    const { id, addresses } = agent;
    if (matched.getOrInsertComputed(classes.of(agent), () => isMatched(list, agent))) continue;
    found.agents++;
    if (addresses.length === 0) found.withoutAddress++;
    const own = new Map(addresses.map((address) => [networkKey(address), address]));
    for (const [key, address] of own) {
      const network = networks.getOrInsertComputed(key, () => {
        return { network: networkOf(address), agents: 0, some: [] };
      });
      network.agents++;
      if (network.some.length < SOME) network.some.push(id);
    }
  }
  const sorted = [...networks.values()].toSorted(
    (one, other) => other.agents - one.agents || (one.network < other.network ? -1 : 1),
  );
  return { ...found, networks: sorted.slice(0, NAMED), more: Math.max(sorted.length - NAMED, 0) };
}
