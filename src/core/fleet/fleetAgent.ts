import type { Kind } from "../content/kind.ts";
import type { Address } from "../order/address.ts";
import type { Self, Situation } from "../order/conditions.ts";
import { isForAgent } from "../order/entryMatch.ts";
import type { Step, UpdateOrder } from "../order/plan.ts";
import type { SourceList } from "../order/sourceList.ts";
import { updateOrder } from "../order/updateOrder.ts";
import type { Policy } from "../settings/policy.ts";

/** An agent, as far as its order depends on it. */
export interface FleetAgent {
  id: string;
  addresses: Address[];
  /** The domains of its DNS search list, in the spelling of `canonicalName`. */
  dnsSuffixes: readonly string[];
  /** Itself, as sources may lead to it. */
  self: Self;
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
  /** Roles of agents, by id, where they are other than their own. */
  roles?: ReadonlyMap<string, FleetAgent["role"]> | undefined;
  /** Sources, by base URL, that are taken for dead: agents go on to the next. */
  without?: ReadonlySet<string> | undefined;
}

/** The order of one agent by these settings: what it would itself compute. */
export function orderOfAgent(agent: FleetAgent, settings: FleetSettings): UpdateOrder {
  const { addresses, dnsSuffixes, self, domain } = agent;
  const { list, server, activeUpdate, kinds, roles } = settings;
  const role = roles?.get(agent.id) ?? agent.role;
  const policy = settings.policyOf(domain);
  const machine = { addresses, dnsSuffixes, self, role };
  const situation: Situation = { ...machine, list, policy, server, activeUpdate, kinds };
  return updateOrder(situation);
}

/**
 * The sources that an agent goes to, in its order: without the dead ones, and without reasons for those that it
 * passes over, which are for nobody where whole fleets are looked at. `entry` is the index in the list.
 */
export function sourcesOf(agent: FleetAgent, settings: FleetSettings): Step[] {
  const { list, activeUpdate, without } = settings;
  const kept = list.entries.flatMap((entry, index) => {
    // The first entry, and ActiveUpdate as an entry, decide about what comes after the list.
    return index === 0 || entry.url === activeUpdate || isForAgent(entry, agent) ? [index] : [];
  });
  const entries = kept.flatMap((index) => list.entries[index] ?? []);
  const { steps } = orderOfAgent(agent, { ...settings, list: { ...list, entries } });
  return steps
    .filter(({ url }) => without?.has(url) !== true)
    .map((step) => (step.entry === undefined ? step : { ...step, entry: kept[step.entry] ?? 0 }));
}
