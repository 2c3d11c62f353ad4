import { AGENTS_OF_ONE } from "../../core/findings/fleetFindings.ts";
import { AGENT_STATES, type AgentState } from "../../core/fleet/agentState.ts";
import { type FleetReport, fleetReport } from "../../core/fleet/reports/fleetReport.ts";
import { agentOfKey } from "../../core/fleet/reports/updateAgentPlaces.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { grantsOf, listInForce } from "../settings/fleetSettings.ts";
import { countStatesOfDomains } from "../store/fleet/agentFilter.ts";
import { trafficByDay, trafficByNetwork } from "../store/fleet/networkStore.ts";
import { countPlanned, type PlannedCount } from "../store/fleet/planStore.ts";
import { trafficBySource } from "../store/fleet/trafficStore.ts";
import { expectations } from "./expectations.ts";
import { type KnownSources, knownSources } from "./knownUpdateAgents.ts";

/** The report, with its time and the fleet's states. */
export interface SiteReport extends FleetReport {
  from: number;
  to: number;
  agents: number;
  states: Record<AgentState, number>;
  domains: { domain: string; states: Partial<Record<AgentState, number>> }[];
}

const DAY = 86_400_000;
/** Days of a report, by default and at most. */
const DAYS = { usual: 30, most: 400 };

/**
 * The analytical report on the whole fleet: from sums that the database makes, however many agents there are.
 *
 * @param time from and before when (ms), in whole days; the last 30 by default
 * @throws Problem REFUSED for more than 400 days
 */
export async function reportOnFleet(
  context: Context,
  time: { from?: number | undefined; to?: number | undefined },
): Promise<SiteReport> {
  const { db } = context.database;
  const { now } = context;
  const to = endOfDay(time.to ?? now());
  const from = time.from === undefined ? Math.max(0, to - DAYS.usual * DAY) : time.from - (time.from % DAY);
  if (to - from > DAYS.most * DAY || from >= to) {
    throw new Problem("REFUSED", `a report is on 1 to ${DAYS.most} days`);
  }
  const list = await listInForce(db);
  const traffic = await trafficBySource(db, { from, to });
  const gone = traffic.flatMap(({ source }) => agentOfKey(source) ?? []);
  const { places, names } = await knownSources(db, list.entries, gone);
  // An entry with a name may be a mirror of the site's: it is an Update Agent's where it leads to one.
  const near = list.entries.filter(({ url }) => places.of({ rule: "custom", url }).isOne);
  const holders = [...(await grantsOf(db)).keys()].map((id) => names.one(`@${id}`));
  const named = names.named(traffic);
  const gave = named.filter(({ isAgent }) => isAgent).map(({ source }) => source);
  const sums = {
    entries: Map.groupBy(list.entries, (entry) => names.of(entry)),
    updateAgents: new Set([...holders, ...near.map((entry) => names.of(entry)), ...gave]),
    planned: plannedAt(await countPlanned(db), names),
    traffic: named,
    networks: await trafficByNetwork(db, { from, to }),
    days: await trafficByDay(db, { from, to }),
  };
  return { from, to, ...(await statesOf(context)), ...fleetReport(sums, AGENTS_OF_ONE) };
}

/** Agents by the source that their orders begin with, whatever the entry that leads there. */
function plannedAt(planned: readonly PlannedCount[], names: KnownSources["names"]) {
  const sums = new Map<string, number>();
  for (const { name, url, agents } of planned) {
    const source = url === null ? name : names.of({ name, url });
    sums.set(source, (sums.get(source) ?? 0) + agents);
  }
  return [...sums].map(([source, agents]) => ({ source, agents }));
}

function endOfDay(time: number): number {
  return time - (time % DAY) + DAY;
}

async function statesOf(context: Context): Promise<Pick<SiteReport, "agents" | "states" | "domains">> {
  const counted = await countStatesOfDomains(context.database.db, await expectations(context));
  const sumOf = (state: AgentState) =>
    counted.reduce((sum, each) => (each.state === state ? sum + each.agents : sum), 0);
  const states = Object.fromEntries(AGENT_STATES.map((state) => [state, sumOf(state)]));
  const domains = [...Map.groupBy(counted, ({ domain }) => domain)].map(([domain, rows]) => {
    return { domain, states: Object.fromEntries(rows.map(({ state, agents }) => [state, agents])) };
  });
  const agents = counted.reduce((sum, each) => sum + each.agents, 0);
  return { agents, states: states as SiteReport["states"], domains };
}
