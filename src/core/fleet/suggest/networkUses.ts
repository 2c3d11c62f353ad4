import { AgentClasses } from "../agentClasses.ts";
import { type FleetAgent, type FleetSettings, sourcesOf } from "../fleetAgent.ts";
import { networkKey, networkOf } from "../network.ts";
import type { Candidate, NetworkUse } from "./suggestions.ts";

/** Facts beside the agents' orders. */
export interface NetworkFacts {
  /** Entries of the list that lead to Update Agents. */
  servingEntries: ReadonlySet<number>;
  /** Machines that could serve others, by the id of their agent. */
  candidates: ReadonlyMap<string, Candidate>;
  /** Bytes that came over the link within a week, and the time (ms) that took, by network. */
  traffic: ReadonlyMap<string, { farBytes: number; farMs: number }>;
}

/** A network while its agents are counted. */
interface Counted {
  network: string;
  far: number;
  near: Map<string, number>;
  candidates: Candidate[];
}

/** The networks of a fleet, by the first address of each agent, and where their agents go first. */
export function networkUses(
  agents: Iterable<FleetAgent>,
  settings: FleetSettings,
  facts: NetworkFacts,
): NetworkUse[] {
  const classes = new AgentClasses([settings.list]);
  const firsts = new Map<string, { url: string; isNear: boolean } | undefined>();
  const networks = new Map<string, Counted>();
  for (const agent of agents) {
    const [address] = agent.addresses;
    if (address === undefined) continue;
    const first = firsts.getOrInsertComputed(classes.keyOf(agent), () => {
      const [step] = sourcesOf(agent, settings);
      if (step === undefined) return undefined;
      return { url: step.url, isNear: step.entry !== undefined && facts.servingEntries.has(step.entry) };
    });
    const network = networks.getOrInsertComputed(networkKey(address), () => {
      return { network: networkOf(address), far: 0, near: new Map(), candidates: [] };
    });
    if (first?.isNear === true) network.near.set(first.url, (network.near.get(first.url) ?? 0) + 1);
    else network.far++;
    const candidate = facts.candidates.get(agent.id);
    if (candidate !== undefined && agent.role === "agent") network.candidates.push(candidate);
  }
  const all = [...networks.values()].map((each) => {
    return { ...each, ...(facts.traffic.get(each.network) ?? { farBytes: 0, farMs: 0 }) };
  });
  return all.toSorted((one, other) => (one.network < other.network ? -1 : 1));
}
