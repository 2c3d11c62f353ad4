import { AGENT_STATES, type AgentState, agentStateOf } from "../../core/fleet/agentState.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { type AgentFilter, countStates, holdersAmong } from "../store/fleet/agentFilter.ts";
import { type Agent, findAgent, listAgents } from "../store/fleet/agentStore.ts";
import { expectationOf, expectations } from "./expectations.ts";

/** An agent as people see it. */
export interface AgentView extends Omit<Agent, "failing"> {
  state: AgentState;
  role: "agent" | "update-agent";
}

/** Place in the order of a list. */
export interface NamePlace {
  name: string;
  id: string;
}

/** Agents by name, and how many there are in each state by the rest of the filter. */
export async function agentViews(
  context: Context,
  { state, ...filter }: Omit<AgentFilter, "state"> & { state?: AgentState | undefined },
  page: { after?: NamePlace | undefined; limit: number },
): Promise<{ items: AgentView[]; total: number; states: Record<AgentState, number> }> {
  const { db } = context.database;
  const by = await expectations(context);
  const counted = await countStates(db, filter, by);
  const states = Object.fromEntries(AGENT_STATES.map((each) => [each, counted[each] ?? 0])) as Record<
    AgentState,
    number
  >;
  const is = state === undefined ? undefined : { is: state, by };
  const agents = await listAgents(db, { ...filter, state: is }, page);
  const holders = await holdersAmong(
    db,
    agents.map(({ id }) => id),
  );
  const all = Object.values(states).reduce((sum, count) => sum + count, 0);
  const items = agents.map((agent) => viewOf(agent, by, holders));
  return { items, total: state === undefined ? all : states[state], states };
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
