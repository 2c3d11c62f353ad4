import type { Kind } from "../content/kind.ts";
import type { AgentState } from "../fleet/agentState.ts";
import type { FleetAgent } from "../fleet/fleetAgent.ts";
import type { RejectedSource } from "../fleet/reports/rejections.ts";
import type { NamedSource } from "../fleet/sourceName.ts";
import { formatAddress } from "../order/address.ts";
import type { SourceList, SourceListEntry } from "../order/sourceList.ts";
import { leadsTo } from "../order/url.ts";

/** An agent that an entry may lead to, or that holds the Update Agent role. */
export interface ServingAgent extends FleetAgent {
  name: string;
  /** Kinds of the role that it was granted; none for an agent without it. */
  granted: Kind[];
  state: AgentState;
  /** When its last report came (ms). */
  reportedAt: number | null;
  /** Free space on its disk, in bytes. */
  freeBytes: number | null;
}

/** Facts of a fleet beside its agents' orders. */
export interface FleetFacts {
  /** Holders of the role, and the agents that entries lead to. */
  serving: readonly ServingAgent[];
  /** Bytes of the content that an Update Agent keeps; null where that is not known. */
  contentBytes: number | null;
  /** Name of the source that an entry leads to: of an Update Agent its own, by whatever entry. */
  called(source: NamedSource): string;
  /** Attempts at sources within the last day, by those names. */
  attempts: ReadonlyMap<string, { attempts: number; failed: number }>;
  /** Sources of which agents rejected something. */
  rejected: readonly RejectedSource[];
}

/** An agent, as far as entries lead to it. */
export type Served = Pick<ServingAgent, "self" | "addresses" | "dnsSuffixes" | "name">;

/** The agents that each entry of a list leads to: by its URL, by host and port, else by the name that it gives. */
export function servingByEntry<Agent extends Served>(
  { entries }: Pick<SourceList, "entries">,
  serving: readonly Agent[],
): Agent[][] {
  const hosts = serving.map(hostsOf);
  return entries.map((entry) => {
    const led = serving.filter(
      ({ self }, index) =>
        self.urls?.includes(entry.url) === true || leadsTo(entry.url, hosts[index] ?? new Set(), self.port),
    );
    return led.length > 0 ? led : serving.filter((agent) => isCalled(agent, entry));
  });
}

/** The names and addresses of an agent, as hosts stand in URLs. */
export function hostsOf({ self, addresses, dnsSuffixes }: Omit<Served, "name">): Set<string> {
  const full = self.names.flatMap((name) => dnsSuffixes.map((suffix) => `${name}.${suffix}`));
  return new Set([...self.names, ...full, ...addresses.map(formatAddress)]);
}

function isCalled({ name }: Pick<Served, "name">, entry: SourceListEntry): boolean {
  return entry.name !== undefined && entry.name.toLowerCase() === name.toLowerCase();
}
