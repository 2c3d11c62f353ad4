import { sql } from "kysely";
import type { Db } from "../transaction.ts";

/** Agents of a domain in one state. */
export interface StateCount {
  domain: string;
  state: string;
  agents: number;
}

/** Time (ms) since its last report after which an agent is late. */
const LATE = 172_800_000;

/** Agents by domain and state, in one statement however many there are; those that are retired are left out. */
export async function countStates(db: Db, now: number): Promise<StateCount[]> {
  const state = sql<string>`case when reported_at is null then 'never' when reported_at < ${now - LATE} then 'late'
    when outcome in ('updated', 'current') then 'online' else 'failing' end`;
  const rows = await db
    .selectFrom("agents")
    .select((row) => ["domain", state.as("state"), row.fn.countAll<number>().as("agents")])
    .where("retired_at", "is", null)
    .groupBy(["domain", "state"])
    .execute();
  return rows.map(({ agents, ...row }) => ({ ...row, agents: Number(agents) }));
}
