import { AGENTS_OF_ONE } from "../../core/findings/fleetFindings.ts";
import { AGENT_STATES, type AgentState } from "../../core/fleet/agentState.ts";
import { type FleetReport, fleetReport } from "../../core/fleet/reports/fleetReport.ts";
import { SourceNames } from "../../core/fleet/reports/sourceNames.ts";
import { agentOfKey } from "../../core/fleet/reports/updateAgentPlaces.ts";
import { nameOf } from "../../core/fleet/sourceName.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { listInForce } from "../settings/fleetSettings.ts";
import { updateAgents } from "../settings/updateAgents.ts";
import { countStatesOfDomains } from "../store/fleet/agentFilter.ts";
import { findAgents } from "../store/fleet/agentStore.ts";
import { trafficByDay, trafficByNetwork } from "../store/fleet/networkStore.ts";
import { countPlanned } from "../store/fleet/planStore.ts";
import { trafficBySource } from "../store/fleet/trafficStore.ts";
import { expectations } from "./expectations.ts";
import { updateAgentPlaces } from "./knownUpdateAgents.ts";

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
  const holders = await updateAgents(db);
  const places = await updateAgentPlaces(db);
  // An entry with a name may be a mirror of the site's: it is an Update Agent's where it leads to one.
  const near = list.entries.filter(({ url }) => places.of({ rule: "custom", url }).isOne).map(nameOf);
  const traffic = await trafficBySource(db, { from, to });
  const ids = [...holders.map(({ id }) => id), ...traffic.flatMap(({ source }) => agentOfKey(source) ?? [])];
  const led = places.led(list.entries);
  const names = new SourceNames(
    list.entries,
    led,
    new Map((await findAgents(db, [...new Set(ids)])).map(({ id, name }) => [id, name])),
  );
  const named = names.named(traffic);
  const gave = named.filter(({ isAgent }) => isAgent).map(({ source }) => source);
  // One that entries lead to is the source that they name; another has its own name alone.
  const used = new Set(led.flat());
  const idle = holders.filter(({ id }) => !used.has(id)).map(({ name }) => name);
  const sums = {
    list,
    updateAgents: new Set([...idle, ...near, ...gave]),
    planned: await countPlanned(db),
    traffic: named,
    networks: await trafficByNetwork(db, { from, to }),
    days: await trafficByDay(db, { from, to }),
  };
  return { from, to, ...(await statesOf(context)), ...fleetReport(sums, AGENTS_OF_ONE) };
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
