import { type RawBuilder, sql } from "kysely";
import type { AgentState, Expected } from "../../../core/fleet/agentState.ts";
import type { Db } from "../transaction.ts";

/** Limits of what is fine, for the agents of some domains, or of all but some. */
export interface DomainExpectation extends Expected {
  domains: { in: readonly string[] } | { notIn: readonly string[] };
}

export interface AgentFilter {
  domain?: string | undefined;
  /** Part of a name or an address. */
  q?: string | undefined;
  outcome?: string | undefined;
  /** Names of the source that was used last. */
  source?: readonly string[] | undefined;
  role?: "agent" | "update-agent" | undefined;
  /** Whether it goes elsewhere than its order begins. */
  deviates?: boolean | undefined;
  /** A state, by these limits. */
  state?: { is: AgentState; by: readonly DomainExpectation[] } | undefined;
}

/** The agents that a filter keeps, without those that are retired. */
export function matchingAgents(db: Db, filter: AgentFilter) {
  const { domain, q, outcome, source, role, deviates, state } = filter;
  let query = db.selectFrom("agents").where("retired_at", "is", null);
  if (domain !== undefined) query = query.where("domain", "=", domain);
  if (outcome !== undefined) query = query.where("outcome", "=", outcome);
  if (source !== undefined) query = query.where("source", "in", source);
  if (role !== undefined) query = query.where("id", role === "agent" ? "not in" : "in", holders(db));
  if (deviates !== undefined) query = query.where("deviates_since", deviates ? "is not" : "is", null);
  if (state !== undefined) query = query.where(stateColumn(state.by), "=", state.is);
  if (q !== undefined) {
    const pattern = `%${q.toLowerCase().replaceAll(/[\\%_]/g, "\\$&")}%`;
    query = query.where(sql<boolean>`search like ${pattern} escape '\\'`);
  }
  return query;
}

/** Ids of the holders of the Update Agent role: by hand, or by a policy that names them. */
function holders(db: Db) {
  return db
    .selectFrom("grants")
    .select("agent_id")
    .union(
      db
        .selectFrom("policy_agents")
        .innerJoin("policies", "policies.id", "policy_agents.policy_id")
        .select("policy_agents.agent_id")
        .where("policies.kinds", "<>", "[]"),
    );
}

/** Those of these agents that hold the Update Agent role. */
export async function holdersAmong(db: Db, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const rows = await db
    .selectFrom("agents")
    .select("id")
    .where("id", "in", ids)
    .where("id", "in", holders(db))
    .execute();
  return new Set(rows.map(({ id }) => id));
}

/** The state of an agent's row: `agentStateOf` (core/fleet/agentState.ts), as the database computes it. */
function stateColumn(by: readonly DomainExpectation[]): RawBuilder<AgentState> {
  const isLate = anyOf(by, ({ reportedSince }) => sql`reported_at < ${reportedSince}`);
  const isBehind = anyOf(by, ({ content, settings }) => {
    return sql`(content_version < ${content} or settings_version < ${settings})`;
  });
  return sql`case when reported_at is null then 'never' when ${isLate} then 'late'
    when failing = 1 then 'failing' when ${isBehind} then 'outdated' else 'online' end`;
}

function anyOf(
  by: readonly DomainExpectation[],
  condition: (each: DomainExpectation) => RawBuilder<unknown>,
) {
  const all = by.map((each) => sql`(${isOf(each)} and ${condition(each)})`);
  return all.length === 0 ? sql`1 = 0` : sql`(${sql.join(all, sql` or `)})`;
}

function isOf({ domains }: DomainExpectation): RawBuilder<unknown> {
  if ("in" in domains) return sql`domain in (${sql.join(domains.in)})`;
  return domains.notIn.length === 0 ? sql`1 = 1` : sql`domain not in (${sql.join(domains.notIn)})`;
}

/** An agent that was found, in short. */
export interface FoundAgent {
  id: string;
  state: AgentState;
}

/** Agents that a filter keeps, by name, or undefined where there are more than `most`: the fleet is looked through once. */
export async function findFew(
  db: Db,
  filter: Omit<AgentFilter, "state">,
  by: readonly DomainExpectation[],
  most: number,
): Promise<FoundAgent[] | undefined> {
  const some = matchingAgents(db, filter)
    .select(["id", "name", stateColumn(by).as("state")])
    .limit(most + 1)
    .as("some");
  const found = await db.selectFrom(some).select(["id", "state"]).orderBy("name").orderBy("id").execute();
  return found.length > most ? undefined : found;
}

/** Agents by state. */
export async function countStates(
  db: Db,
  filter: Omit<AgentFilter, "state">,
  by: readonly DomainExpectation[],
): Promise<Partial<Record<AgentState, number>>> {
  const states = matchingAgents(db, filter).select(stateColumn(by).as("state")).as("states");
  const rows = await db
    .selectFrom(states)
    .select((row) => ["state", row.fn.countAll<number>().as("count")])
    .groupBy("state")
    .execute();
  return Object.fromEntries(rows.map(({ state, count }) => [state, Number(count)]));
}

/** Agents by state and domain. */
export async function countStatesOfDomains(
  db: Db,
  by: readonly DomainExpectation[],
): Promise<{ domain: string; state: AgentState; agents: number }[]> {
  const states = matchingAgents(db, {})
    .select(["domain", stateColumn(by).as("state")])
    .as("states");
  const rows = await db
    .selectFrom(states)
    .select((row) => ["domain", "state", row.fn.countAll<number>().as("agents")])
    .groupBy(["domain", "state"])
    .orderBy("domain")
    .orderBy("state")
    .execute();
  return rows.map((row) => ({ ...row, agents: Number(row.agents) }));
}
