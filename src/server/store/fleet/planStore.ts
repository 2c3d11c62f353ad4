import { sql } from "kysely";
import type { Db, Tx } from "../transaction.ts";
import { suffixesOf } from "./agentStore.ts";

/** An agent, and the source that its order began with when that was last computed. */
export interface PlannedAgent {
  id: string;
  name: string;
  domain: string;
  addresses: string[];
  dnsSuffixes: string[];
  port: number | null;
  planned: string | null;
  /** It is to be computed again, whether or not the settings have changed. */
  isDue: boolean;
}

/** Agents after the one of the id `after`, retired ones too, by id: all, or those whose plan is due. */
export async function plannedAgents(
  db: Db,
  { after, limit, due }: { after: string; limit: number; due: boolean },
): Promise<PlannedAgent[]> {
  let query = db
    .selectFrom("agents")
    .select(["id", "name", "domain", "addresses", "dns_suffixes", "port", "planned", "plan_due"])
    .where("id", ">", after)
    .orderBy("id")
    .limit(limit);
  if (due) query = query.where("plan_due", "=", sql.lit(1));
  const rows = await query.execute();
  return rows.map(({ addresses, dns_suffixes, plan_due, ...row }) => ({
    ...row,
    addresses: JSON.parse(addresses) as string[],
    dnsSuffixes: suffixesOf(dns_suffixes),
    isDue: plan_due === 1,
  }));
}

/** Agents by the source that their orders begin with; empty for those that have none. */
export async function countPlanned(db: Db): Promise<{ source: string; agents: number }[]> {
  const rows = await db
    .selectFrom("agents")
    .select((row) => ["planned", row.fn.countAll<number>().as("agents")])
    .where("retired_at", "is", null)
    .where("planned", "is not", null)
    .groupBy("planned")
    .orderBy("planned")
    .execute();
  return rows.map(({ planned, agents }) => ({ source: planned ?? "", agents: Number(agents) }));
}

/** Agents whose plan is due, up to `most`. */
export async function countDue(db: Db, most: number): Promise<number> {
  const some = db.selectFrom("agents").select("id").where("plan_due", "=", sql.lit(1)).limit(most).as("some");
  const { count } = await db
    .selectFrom(some)
    .select((row) => row.fn.countAll<number>().as("count"))
    .executeTakeFirstOrThrow();
  return Number(count);
}

/**
 * Writes down the source that the orders of these agents begin with.
 *
 * @param agents as the plan was computed of them: one that has changed since stays due
 */
export async function putPlanned(
  tx: Tx,
  planned: string,
  agents: readonly PlannedAgent[],
  now: number,
): Promise<void> {
  for (const { id, addresses, dnsSuffixes, port, domain } of agents) {
    const isSame = sql`addresses = ${JSON.stringify(addresses)} and domain = ${domain}
      and coalesce(port, -1) = ${port ?? -1}
      and coalesce(dns_suffixes, '[]') = ${JSON.stringify(dnsSuffixes)}`;
    await tx
      .updateTable("agents")
      .set({
        planned,
        plan_due: sql<0 | 1>`case when ${isSame} then 0 else 1 end`,
        // As `deviatesSince` (core/fleet/reports/agentAfter.ts) has it.
        deviates_since: sql<number>`case when used <> ${planned} then coalesce(deviates_since, cast(${now} as bigint)) end`,
      })
      .where("id", "=", id)
      .execute();
  }
}
