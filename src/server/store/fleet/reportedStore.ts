import { sql } from "kysely";
import type { ReportedAgent } from "../../../core/fleet/reports/agentAfter.ts";
import type { Dialect } from "../dialect.ts";
import { inParts, tableOf } from "../manyRows.ts";
import type { Tx } from "../transaction.ts";
import { searchOf } from "./agentStore.ts";

/** An agent as its reports have it, with what else its row goes by. */
export interface ReportedRow extends ReportedAgent {
  id: string;
  name: string;
}

/**
 * Those of these agents that there are, and nobody else writes into until the transaction ends. They are taken
 * in the order of their ids: two who take the same do not wait for each other.
 */
export async function takeReported(
  tx: Tx,
  { locksRows }: Dialect,
  ids: readonly string[],
): Promise<ReportedRow[]> {
  const rows = await tx
    .selectFrom("agents")
    .select([
      "id",
      "name",
      "reported_at as reportedAt",
      "outcome",
      "code",
      "source",
      "program",
      "addresses",
      "dns_suffixes as dnsSuffixes",
      "port",
      "topic",
      "seen_at as seenAt",
      "retired_at as retiredAt",
      "doubled_at as doubledAt",
      "failing",
      "used",
      "planned",
      "plan_due as planDue",
      "deviates_since as deviatesSince",
      "free_bytes as freeBytes",
      "uptime",
      "content_version as contentVersion",
      "settings_version as settingsVersion",
      "reports",
      "run_started_at as startedAt",
      "run_ended_at as endedAt",
    ])
    .where("id", "in", ids)
    .orderBy("id")
    .$if(locksRows, (query) => query.forNoKeyUpdate())
    .execute();
  return rows.map(({ startedAt, endedAt, addresses, dnsSuffixes, failing, planDue, ...row }) => ({
    ...row,
    failing: failing === 1,
    planDue: planDue === 1,
    addresses: JSON.parse(addresses) as string[],
    dnsSuffixes: dnsSuffixes === null ? null : (JSON.parse(dnsSuffixes) as string[]),
    run: startedAt === null || endedAt === null ? null : { startedAt, endedAt },
  }));
}

const COLUMNS = [
  ["id", "text"],
  ["reported_at", "bigint"],
  ["outcome", "text"],
  ["code", "text"],
  ["source", "text"],
  ["program", "text"],
  ["addresses", "text"],
  ["dns_suffixes", "text"],
  ["search", "text"],
  ["port", "bigint"],
  ["topic", "text"],
  ["seen_at", "text"],
  ["retired_at", "bigint"],
  ["doubled_at", "bigint"],
  ["failing", "bigint"],
  ["used", "text"],
  ["plan_due", "bigint"],
  ["deviates_since", "bigint"],
  ["free_bytes", "bigint"],
  ["uptime", "bigint"],
  ["content_version", "bigint"],
  ["settings_version", "bigint"],
  ["reports", "bigint"],
  ["run_started_at", "bigint"],
  ["run_ended_at", "bigint"],
] as const;

/** Writes what reports have changed. */
export async function noteReported(tx: Tx, agents: readonly ReportedRow[]): Promise<void> {
  const types = COLUMNS.map(([, type]) => type);
  const set = COLUMNS.slice(1).map(([name], index) => sql.raw(`${name} = given.column${index + 2}`));
  for (const some of inParts(agents)) {
    const rows = some.map((agent) => [
      agent.id,
      agent.reportedAt,
      agent.outcome,
      agent.code,
      agent.source,
      agent.program,
      JSON.stringify(agent.addresses),
      agent.dnsSuffixes && JSON.stringify(agent.dnsSuffixes),
      searchOf(agent.name, agent.addresses),
      agent.port,
      agent.topic,
      agent.seenAt,
      agent.retiredAt,
      agent.doubledAt,
      Number(agent.failing),
      agent.used,
      Number(agent.planDue),
      agent.deviatesSince,
      agent.freeBytes,
      agent.uptime,
      agent.contentVersion,
      agent.settingsVersion,
      agent.reports,
      agent.run?.startedAt ?? null,
      agent.run?.endedAt ?? null,
    ]);
    await sql`update agents set ${sql.join(set)} from ${tableOf(types, rows)} as given where agents.id = given.column1`.execute(
      tx,
    );
  }
}
