import { sql } from "kysely";
import type { ReportedAgent } from "../../../core/fleet/reports/agentAfter.ts";
import type { OwnUrls } from "../../../core/fleet/reports/ownUrls.ts";
import type { Dialect } from "../dialect.ts";
import { type ColumnType, fewLengths, inParts, tableOf } from "../manyRows.ts";
import type { Tx } from "../transaction.ts";
import { pathsIn } from "./agentRows.ts";
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
      "host_names as hostNames",
      "own_urls as ownUrls",
      "topic",
      "seen_at as seenAt",
      "retired_at as retiredAt",
      "doubled_at as doubledAt",
      "failing",
      "used",
      "planned",
      "plan_due as planDue",
      "list_version as listVersion",
      "deviates_since as deviatesSince",
      "free_bytes as freeBytes",
      "uptime",
      "content_version as contentVersion",
      "settings_version as settingsVersion",
      "reports",
      "run_started_at as startedAt",
      "run_ended_at as endedAt",
      "paths",
    ])
    .where("id", "in", fewLengths(ids))
    .orderBy("id")
    .$if(locksRows, (query) => query.forNoKeyUpdate())
    .execute();
  return rows.map(
    ({
      startedAt,
      endedAt,
      addresses,
      dnsSuffixes,
      hostNames,
      ownUrls,
      paths,
      failing,
      planDue,
      ...row
    }) => ({
      ...row,
      hostNames: hostNames === null ? null : (JSON.parse(hostNames) as string[]),
      ownUrls: ownUrls === null ? null : (JSON.parse(ownUrls) as OwnUrls),
      paths: pathsIn(paths),
      failing: failing === 1,
      planDue: planDue === 1,
      addresses: JSON.parse(addresses) as string[],
      dnsSuffixes: dnsSuffixes === null ? null : (JSON.parse(dnsSuffixes) as string[]),
      run: startedAt === null || endedAt === null ? null : { startedAt, endedAt },
    }),
  );
}

/**
 * Columns that every report changes, those that change when a release is new, and those that hardly ever do: the latter two
 * are in indices, which cost more than the row.
 */
const OFTEN = columnsOf({
  reported_at: ["bigint", (agent) => agent.reportedAt],
  code: ["text", (agent) => agent.code],
  program: ["text", (agent) => agent.program],
  topic: ["text", (agent) => agent.topic],
  seen_at: ["text", (agent) => agent.seenAt],
  failing: ["bigint", (agent) => Number(agent.failing)],
  used: ["text", (agent) => agent.used],
  list_version: ["bigint", (agent) => agent.listVersion],
  deviates_since: ["bigint", (agent) => agent.deviatesSince],
  free_bytes: ["bigint", (agent) => agent.freeBytes],
  uptime: ["bigint", (agent) => agent.uptime],
  content_version: ["bigint", (agent) => agent.contentVersion],
  settings_version: ["bigint", (agent) => agent.settingsVersion],
  reports: ["bigint", (agent) => agent.reports],
  run_started_at: ["bigint", (agent) => agent.run?.startedAt ?? null],
  run_ended_at: ["bigint", (agent) => agent.run?.endedAt ?? null],
  paths: ["text", (agent) => (agent.paths.length === 0 ? null : JSON.stringify(agent.paths))],
});
const SOMETIMES = columnsOf({
  outcome: ["text", (agent) => agent.outcome],
  source: ["text", (agent) => agent.source],
});
const SELDOM = columnsOf({
  addresses: ["text", (agent) => JSON.stringify(agent.addresses)],
  dns_suffixes: ["text", (agent) => agent.dnsSuffixes && JSON.stringify(agent.dnsSuffixes)],
  search: ["text", (agent) => searchOf(agent.name, agent.addresses)],
  port: ["bigint", (agent) => agent.port],
  host_names: ["text", (agent) => agent.hostNames && JSON.stringify(agent.hostNames)],
  own_urls: ["text", (agent) => agent.ownUrls && JSON.stringify(agent.ownUrls)],
  retired_at: ["bigint", (agent) => agent.retiredAt],
  doubled_at: ["bigint", (agent) => agent.doubledAt],
  plan_due: ["bigint", (agent) => Number(agent.planDue)],
});

type Column = [type: ColumnType, value: (agent: ReportedRow) => string | number | null];

function columnsOf(columns: Record<string, Column>) {
  return Object.entries(columns).map(([name, [type, value]]) => ({ name, type, value }));
}

/** Writes what reports have changed. */
export async function noteReported(
  tx: Tx,
  before: readonly ReportedRow[],
  after: ReadonlyMap<string, ReportedRow>,
): Promise<void> {
  await writeColumns(tx, OFTEN, [...after.values()]);
  for (const columns of [SOMETIMES, SELDOM]) {
    const changed = before.flatMap((old) => {
      const agent = after.get(old.id);
      return agent !== undefined && columns.some(({ value }) => value(old) !== value(agent)) ? [agent] : [];
    });
    await writeColumns(tx, columns, changed);
  }
}

async function writeColumns(tx: Tx, columns: typeof OFTEN, agents: readonly ReportedRow[]): Promise<void> {
  const types = ["text" as const, ...columns.map(({ type }) => type)];
  const set = sql.raw(columns.map(({ name }, index) => `${name} = given.column${index + 2}`).join());
  for (const some of inParts(agents)) {
    const rows = some.map((agent) => [agent.id, ...columns.map(({ value }) => value(agent))]);
    await sql`update agents set ${set} from ${tableOf(tx, types, rows)} as given
      where agents.id = given.column1`.execute(tx);
  }
}
