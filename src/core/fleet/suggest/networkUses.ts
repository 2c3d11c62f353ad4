import { AgentClasses } from "../agentClasses.ts";
import { type FleetAgent, type FleetSettings, sourcesOf } from "../fleetAgent.ts";
import { networkKey, networkOf } from "../network.ts";
import type { AgentPath } from "../reports/agentPaths.ts";
import { firstKey, PathMeasurements } from "./networkPaths.ts";
import type { Candidate, NetworkUse } from "./suggestions.ts";

/** Facts beside the agents' orders. */
export interface NetworkFacts {
  /** Entries of the list that lead to Update Agents. */
  servingEntries: ReadonlySet<number>;
  /** Machines that could serve others, by the id of their agent. */
  candidates: ReadonlyMap<string, Candidate>;
  /** Bytes that came within a week, those over the link, and the time (ms) that these took, by network. */
  traffic: ReadonlyMap<string, { bytes?: number; farBytes: number; farMs: number }>;
  /** Ways to sources that agents measured, by the id of the agent. */
  paths?: ReadonlyMap<string, readonly AgentPath[]>;
}

/** A network while its agents are counted. */
interface Counted {
  network: string;
  far: number;
  farSources: Map<string, number>;
  near: Map<string, number>;
  candidates: Candidate[];
  measured: PathMeasurements;
}

/** The networks of a fleet, by the first address of each agent, and where their agents go first. */
export function networkUses(
  agents: Iterable<FleetAgent>,
  settings: FleetSettings,
  facts: NetworkFacts,
): NetworkUse[] {
  const classes = new AgentClasses([settings.list]);
  const firsts = new Map<string, { key: string; url: string; isNear: boolean } | undefined>();
  const networks = new Map<string, Counted>();
  for (const agent of agents) {
    const [address] = agent.addresses;
    if (address === undefined) continue;
    const first = firsts.getOrInsertComputed(classes.keyOf(agent), () => {
      const [step] = sourcesOf(agent, settings);
      if (step === undefined) return undefined;
      const isNear = step.entry !== undefined && facts.servingEntries.has(step.entry);
      return { key: firstKey(step), url: step.url, isNear };
    });
    const network = networks.getOrInsertComputed(networkKey(address), () => newNetwork(networkOf(address)));
    count(network, first);
    const paths = facts.paths?.get(agent.id) ?? [];
    network.measured.add(paths);
    const candidate = facts.candidates.get(agent.id);
    if (candidate !== undefined && agent.role === "agent")
      network.candidates.push({ ...candidate, paths: new Map(paths.map((path) => [path.to, path])) });
  }
  const all = [...networks.values()].map(({ measured, ...each }) => {
    const { bytes, farBytes, farMs } = { ...NO_TRAFFIC, ...facts.traffic.get(each.network) };
    const nearBytes = Math.max((bytes ?? farBytes) - farBytes, 0);
    return { ...each, paths: measured.medians(), farBytes, farMs, nearBytes };
  });
  return all.toSorted((one, other) => (one.network < other.network ? -1 : 1));
}

const NO_TRAFFIC = { bytes: 0, farBytes: 0, farMs: 0 };

function newNetwork(network: string): Counted {
  return {
    network,
    far: 0,
    farSources: new Map(),
    near: new Map(),
    candidates: [],
    measured: new PathMeasurements(),
  };
}

/** Counts an agent by the source that it goes to first. */
function count(network: Counted, first: { key: string; url: string; isNear: boolean } | undefined): void {
  const { near, farSources } = network;
  if (first?.isNear === true) near.set(first.url, (near.get(first.url) ?? 0) + 1);
  else {
    network.far++;
    if (first !== undefined) farSources.set(first.key, (farSources.get(first.key) ?? 0) + 1);
  }
}
