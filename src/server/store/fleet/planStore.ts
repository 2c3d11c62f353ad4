import { sql } from "kysely";
import { countOf } from "../countOf.ts";
import type { Dialect } from "../dialect.ts";
import { inParts, tableOf } from "../manyRows.ts";
import type { Db, Tx } from "../transaction.ts";
import { PLACE_COLUMNS, placeIn } from "./agentRows.ts";
import { holdAgents, type Orderable } from "./agentStore.ts";

/** An agent, and the source that its order began with when that was last computed. */
export interface PlannedAgent extends Orderable {
  /** Its host names and URLs, as they stand in the database. */
  ownNames: string;
  planned: string | null;
  /** The URL of that, where it is an entry's. */
  plannedUrl: string | null;
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
    .select(["id", "name", "domain", "port", ...PLACE_COLUMNS])
    .select(["planned", "planned_url as plannedUrl", "plan_due"])
    .where("id", ">", after)
    .orderBy("id")
    .limit(limit);
  if (due) query = query.where("plan_due", "=", sql.lit(1));
  const rows = await query.execute();
  return rows.map(({ addresses, dns_suffixes, host_names, own_urls, plan_due, ...row }) => ({
    ...row,
    ...placeIn({ addresses, dns_suffixes, host_names, own_urls }),
    ownNames: (host_names ?? "") + (own_urls ?? ""),
    isDue: plan_due === 1,
  }));
}

/** Agents whose orders begin with one source. */
export interface PlannedCount {
  /** Empty for those that have none. */
  name: string;
  /** Of an entry; null for the others. */
  url: string | null;
  agents: number;
}

/** Agents by the source that their orders begin with. */
export async function countPlanned(db: Db): Promise<PlannedCount[]> {
  const rows = await db
    .selectFrom("agents")
    .select((row) => ["planned", "planned_url as url", row.fn.countAll<number>().as("agents")])
    .where("retired_at", "is", null)
    .where("planned", "is not", null)
    .groupBy(["planned", "planned_url"])
    .orderBy("planned")
    .orderBy("planned_url")
    .execute();
  return rows.map(({ planned, url, agents }) => ({ name: planned ?? "", url, agents: Number(agents) }));
}

/** Agents whose plan is due, up to `most`. */
export async function countDue(db: Db, most: number): Promise<number> {
  const some = db.selectFrom("agents").select("id").where("plan_due", "=", sql.lit(1)).limit(most).as("some");
  return await countOf(db.selectFrom(some));
}

/** Those whose last run went by another list than the one in force do not deviate from that one. */
export async function forgiveOlder(tx: Tx, listVersion: number): Promise<void> {
  await tx
    .updateTable("agents")
    .set({ deviates_since: null })
    .where("deviates_since", "is not", null)
    .where("list_version", "<>", listVersion)
    .execute();
}

/** An agent, as its plan was computed of it, and the source that its order begins with now. */
export interface NewPlan {
  agent: PlannedAgent;
  planned: string;
  plannedUrl: string | null;
}

/** Writes down the sources that orders begin with. An agent that has changed since its plan was computed stays due. */
export async function putPlanned(
  tx: Tx,
  dialect: Dialect,
  plans: readonly NewPlan[],
  { now, listVersion }: { now: number; listVersion: number },
): Promise<void> {
  for (const some of inParts(plans)) {
    const rows = some.map(
      ({ agent: { id, addresses, dnsSuffixes, port, domain, ownNames }, planned, plannedUrl }) => {
        const own = [JSON.stringify(addresses), domain, port ?? -1, JSON.stringify(dnsSuffixes), ownNames];
        return [id, planned, ...own, plannedUrl ?? ""];
      },
    );
    await holdAgents(
      tx,
      dialect,
      some.map(({ agent }) => agent.id),
    );
    const isSame = sql`agents.addresses = given.column3 and agents.domain = given.column4
      and coalesce(agents.port, -1) = given.column5 and coalesce(agents.dns_suffixes, '[]') = given.column6
      and coalesce(agents.host_names, '') || coalesce(agents.own_urls, '') = given.column7`;
    // As `deviatesSince` (core/fleet/reports/agentAfter.ts) has it.
    const since = sql`case when used <> given.column2
      and coalesce(list_version, ${listVersion}) = ${listVersion} then coalesce(deviates_since, cast(${now} as bigint)) end`;
    const given = tableOf(tx, ["text", "text", "text", "text", "bigint", "text", "text", "text"], rows);
    await sql`update agents set planned = given.column2, planned_url = nullif(given.column8, ''), plan_due = case when ${isSame} then 0 else 1 end,
      deviates_since = ${since} from ${given} as given where agents.id = given.column1`.execute(tx);
  }
}
