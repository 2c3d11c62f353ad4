import { AGENT_STATES, type AgentState, agentStateOf } from "../../core/fleet/agentState.ts";
import { nameOf } from "../../core/fleet/sourceName.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { listInForce } from "../settings/fleetSettings.ts";
import { type AgentFilter, type FoundAgent, findFew, holdersAmong } from "../store/fleet/agentFilter.ts";
import { type Agent, findAgent, findAgentsWhole, listAgents } from "../store/fleet/agentStore.ts";
import type { Db } from "../store/transaction.ts";
import { sentencesOf } from "./agentOrder.ts";
import { expectationOf, expectations } from "./expectations.ts";
import { knownSources } from "./knownUpdateAgents.ts";
import { type StateCounts, stateCounts } from "./stateCounts.ts";

/** An agent as people see it. */
export interface AgentView extends Omit<Agent, "failing"> {
  state: AgentState;
  role: "agent" | "update-agent";
}

/** The same in a list of those that do not do what the list says, with the sentence that says why. */
export interface ListedAgent extends AgentView {
  why?: string;
}

/** The filter as people give it: a source by any of its names. */
interface AgentQuery extends Omit<AgentFilter, "state" | "source"> {
  state?: AgentState | undefined;
  source?: string | undefined;
}

/** Place in the order of a list. */
export interface NamePlace {
  name: string;
  id: string;
}

/** Agents that a search may find for its list and its numbers to come from one look through the fleet. */
const FEW = 500;

/** Agents by name, and how many there are in each state by the rest of the filter. */
export async function agentViews(
  context: Context,
  { state, source, ...given }: AgentQuery,
  page: { after?: NamePlace | undefined; limit: number },
): Promise<{ items: ListedAgent[]; total: number; states: Record<AgentState, number> }> {
  const { db } = context.database;
  const by = await expectations(context);
  const filter = { ...given, source: source === undefined ? undefined : await namesOf(db, source) };
  const isSearch = filter.q !== undefined && page.after === undefined;
  const few = isSearch ? await findFew(db, filter, by, FEW) : undefined;
  const is = state === undefined ? undefined : { is: state, by };
  const agents =
    few === undefined
      ? await listAgents(db, { ...filter, state: is }, page)
      : await firstOf(db, few, state, page.limit);
  const ids = agents.map(({ id }) => id);
  const holders = await holdersAmong(db, ids);
  const why = filter.deviates === true ? await sentencesOf(context, agents) : undefined;
  const items = agents.map((agent): ListedAgent => {
    const sentence = why?.get(agent.id);
    return { ...viewOf(agent, by, holders), ...(sentence === undefined ? {} : { why: sentence }) };
  });
  // A list that ends here has been counted by having been found.
  const isAll = page.after === undefined && state === undefined && items.length < page.limit;
  const found = few ?? (isAll ? items : undefined);
  const counted = found === undefined ? await stateCounts(db, filter, by) : countOf(found);
  const states = Object.fromEntries(AGENT_STATES.map((each) => [each, counted[each] ?? 0])) as Record<
    AgentState,
    number
  >;
  const all = Object.values(states).reduce((sum, count) => sum + count, 0);
  return { items, total: state === undefined ? all : states[state], states };
}

/** The names under which agents report a source: of an Update Agent each that an entry has, or had once, for it. */
async function namesOf(db: Db, source: string): Promise<string[]> {
  const { entries } = await listInForce(db);
  const { names } = await knownSources(db, entries);
  const own = entries
    .filter((entry) => names.of(entry) === source)
    .flatMap((entry) => [nameOf(entry), entry.url]);
  return [...new Set([source, ...own])];
}

/** The first of those that were found, in their order. */
async function firstOf(
  db: Db,
  found: readonly FoundAgent[],
  state: AgentState | undefined,
  limit: number,
): Promise<Agent[]> {
  const those = found.filter((each) => state === undefined || each.state === state);
  const ids = those.slice(0, limit).map(({ id }) => id);
  const whole = new Map((await findAgentsWhole(db, ids)).map((agent) => [agent.id, agent]));
  // One that was forgotten meanwhile is in no list.
  return ids.flatMap((id) => whole.get(id) ?? []);
}

function countOf(items: readonly { state: AgentState }[]): StateCounts {
  const counts: StateCounts = {};
  for (const { state } of items) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

/** @throws Problem NOT_FOUND */
export async function agentView(context: Context, id: string): Promise<AgentView> {
  const { db } = context.database;
  const agent = await findAgent(db, id);
  if (agent === undefined) throw new Problem("NOT_FOUND", "no agent has this id");
  return viewOf(agent, await expectations(context), await holdersAmong(db, [id]));
}

function viewOf(
  { failing, ...agent }: Agent,
  by: Awaited<ReturnType<typeof expectations>>,
  holders: ReadonlySet<string>,
): AgentView {
  const state = agentStateOf({ ...agent, failing }, expectationOf(by, agent.domain));
  return { ...agent, state, role: holders.has(agent.id) ? "update-agent" : "agent" };
}
