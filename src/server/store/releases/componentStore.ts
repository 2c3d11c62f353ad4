import { type ExpressionBuilder, sql } from "kysely";
import type { AgentComponent } from "../../../core/fleet/reports/reportComponents.ts";
import { failedCodeAfter, millionths } from "../../../core/fleet/reports/reportComponents.ts";
import type { ReportedHold } from "../../../core/fleet/reports/reportSummary.ts";
import { type DomainSize, SETTLED_AFTER } from "../../../core/fleet/rolloutReach.ts";
import type { StageCounts, Witness } from "../../../core/fleet/stageVerdict.ts";
import type { Stage } from "../../../core/settings/rollout.ts";
import { countOf } from "../countOf.ts";
import { fewLengths, inParts } from "../manyRows.ts";
import type { Tables } from "../tables.ts";
import type { Db, Tx } from "../transaction.ts";

/** Components of one agent by its report; none for a run that came to no report, with its failure. */
export interface ReportedAgent {
  agentId: string;
  components?: AgentComponent[] | undefined;
  code: string | null;
}

type Row = Tables["agent_components"];

/**
 * Writes down what agents have, each by its last report. What is so already, as of most reports, is only read.
 * Nobody else writes the rows of an agent whose own row the transaction holds.
 *
 * @param now by the server's clock, not before the time of the reports
 */
export async function noteComponents(tx: Tx, agents: readonly ReportedAgent[], now: number): Promise<void> {
  const before = await rowsOf(tx, agents);
  const changed: Row[] = [];
  const gone: Row[] = [];
  for (const { agentId, components, code } of agents) {
    const known = before.get(agentId) ?? [];
    const after =
      components?.map((each) => rowOf(agentId, each, now)) ?? known.map((row) => ({ ...row, code }));
    for (const row of after) {
      const old = known.find(({ component }) => component === row.component);
      const since = old?.release === row.release ? old.since_at : row.since_at;
      const failedCode = failedCodeAfter(old && failureIn(old), failureIn(row));
      const next = { ...row, since_at: since, failed_code: failedCode };
      if (old === undefined || COLUMNS.some((column) => old[column] !== next[column])) changed.push(next);
    }
    gone.push(...known.filter(({ component }) => !after.some((row) => row.component === component)));
  }
  for (const rows of inParts(changed)) await writeRows(tx, rows);
  for (const { agent_id, component } of gone) {
    await tx
      .deleteFrom("agent_components")
      .where("agent_id", "=", agent_id)
      .where("component", "=", component)
      .execute();
  }
}

const COLUMNS = [
  "release",
  "version",
  "place",
  "since_at",
  "failed_release",
  "failed_code",
  "code",
  "held",
] as const;

const failureIn = ({ failed_release, failed_code }: Row) => ({
  failedRelease: failed_release,
  failedCode: failed_code,
});

async function rowsOf(tx: Tx, agents: readonly ReportedAgent[]): Promise<Map<string, Row[]>> {
  const rows: Row[] = [];
  for (const some of inParts(agents.map(({ agentId }) => agentId))) {
    rows.push(
      ...(await tx
        .selectFrom("agent_components")
        .selectAll()
        .where("agent_id", "in", fewLengths(some))
        .execute()),
    );
  }
  return Map.groupBy(rows, ({ agent_id }) => agent_id);
}

async function writeRows(tx: Tx, rows: Row[]): Promise<void> {
  await tx
    .insertInto("agent_components")
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .columns(["agent_id", "component"])
        .doUpdateSet((row) =>
          Object.fromEntries(COLUMNS.map((column) => [column, row.ref(`excluded.${column}`)])),
        ),
    )
    .execute();
}

function rowOf(agentId: string, each: AgentComponent, now: number): Row {
  const { component, release, version, place, failedRelease, failedCode, code, held } = each;
  const kept = held === null ? null : JSON.stringify(held);
  const row = { agent_id: agentId, component, release, version, place };
  const failed = { failed_release: failedRelease, failed_code: failedCode };
  return { ...row, ...failed, since_at: now, code, held: kept };
}

/** Agents that have a release. */
export interface ReleaseCount {
  component: string;
  release: number;
  agents: number;
}

/**
 * Numbers of the agents that are not retired, by component and release. Those that are retired are few: they are
 * counted apart, and the others with no look at their rows.
 */
export async function countReleases(db: Db, component?: string): Promise<ReleaseCount[]> {
  const counted = (query: ReturnType<typeof componentsIn>) =>
    query
      .$if(component !== undefined, (of) => of.where("component", "=", component ?? ""))
      .select(["component", "release"])
      .select((row) => row.fn.countAll<number>().as("agents"))
      .groupBy(["component", "release"])
      .execute();
  const all = await counted(componentsIn(db));
  const retired = await counted(
    componentsIn(db).where("agent_id", "in", (of) =>
      of.selectFrom("agents").select("id").where("retired_at", "is not", null),
    ),
  );
  const key = (each: { component: string; release: number }) => `${each.component} ${each.release}`;
  const less = new Map(retired.map((each) => [key(each), Number(each.agents)]));
  return all.map((each) => ({ ...each, agents: Number(each.agents) - (less.get(key(each)) ?? 0) }));
}

function componentsIn(db: Db) {
  return db.selectFrom("agent_components");
}

/** Numbers of the agents of a component that are not retired, by domain and release. */
export async function countByDomain(
  db: Db,
  component: string,
): Promise<{ domain: string; release: number; agents: number }[]> {
  const rows = await agentsOf(db)
    .where("component", "=", component)
    .where("retired_at", "is", null)
    .select(["domain", "release"])
    .select((row) => row.fn.countAll<number>().as("agents"))
    .groupBy(["domain", "release"])
    .orderBy("domain")
    .orderBy("release")
    .execute();
  return rows.map((row) => ({ ...row, agents: Number(row.agents) }));
}

/** Numbers of the agents at which a release failed, by component and release. */
export async function countFailed(
  db: Db,
  component?: string,
): Promise<{ component: string; release: number; agents: number }[]> {
  let query = db
    .selectFrom("agent_components")
    .where("failed_release", "is not", null)
    .select(["component", "failed_release as release"])
    .select((row) => row.fn.countAll<number>().as("agents"))
    .groupBy(["component", "failed_release"]);
  if (component !== undefined) query = query.where("component", "=", component);
  const rows = await query.execute();
  return rows.map((row) => ({ ...row, release: Number(row.release), agents: Number(row.agents) }));
}

/** One stage of a release, and what its agents are judged by. Times in ms. */
export interface StageQuestion {
  component: string;
  release: number;
  /** All stages up to the one that is asked about, which is the last. */
  stages: Stage[];
  /** When the stage came. */
  open: number;
  /** Time without a report after which an agent counts as silent. */
  silence: number;
  now: number;
}

type Terms = ExpressionBuilder<Pick<Tables, "agent_components" | "agents">, "agent_components" | "agents">;

function isIn(row: Terms, { domains, percent }: Stage) {
  const inPercent = row("place", "<", millionths(percent));
  return domains === undefined ? inPercent : row.and([inPercent, row("domain", "in", domains)]);
}

/** Agents of the stage, and of no stage before it, that were heard of shortly before it came. */
function inStage(row: Terms, { component, stages, open, silence }: StageQuestion) {
  const [last, ...before] = stages.toReversed();
  return row.and([
    row("component", "=", component),
    row("retired_at", "is", null),
    row("reported_at", ">=", open - silence),
    ...(last === undefined ? [] : [isIn(row, last)]),
    ...before.map((each) => row.not(isIn(row, each))),
  ]);
}

/** Agents that have not reported since they got the release, or since they could have got it. */
function isSilent(row: Terms, { release, open, silence, now }: StageQuestion) {
  const unheard = row.and([row("reported_at", "<", now - silence), sql<boolean>`reported_at <= since_at`]);
  const missing = sql<boolean>`${now} >= ${open + silence} and release < ${release} and reported_at < ${now - silence}`;
  return row.and([
    row.or([row.and([row("release", ">=", release), unheard]), missing]),
    row.not(row(row.fn.coalesce("failed_release", sql<number>`0`), "=", release)),
  ]);
}

function isUnwell(row: Terms, { release }: StageQuestion) {
  return row.and([
    row("release", "=", release),
    row("agent_components.code", "is not", null),
    row.not(row(row.fn.coalesce("failed_release", sql<number>`0`), "=", release)),
  ]);
}

function agentsOf(db: Db) {
  return db.selectFrom("agent_components").innerJoin("agents", "agents.id", "agent_components.agent_id");
}

/** Numbers of the agents of a stage by what became of them, beside those that are in no stage yet. */
export async function countStage(db: Db, question: StageQuestion): Promise<StageCounts> {
  const { component, release, stages, open, silence, now } = question;
  const sumOf = (row: Terms, condition: ReturnType<Terms["and"]>) =>
    row.fn.coalesce(row.fn.sum<number>(row.case().when(condition).then(1).else(0).end()), sql<number>`0`);
  const own = await agentsOf(db)
    .where((row) => inStage(row, question))
    .select((row) => [
      row.fn.countAll<number>().as("agents"),
      sumOf(row, row.and([row("release", ">=", release)])).as("installed"),
      sumOf(row, row.and([row("failed_release", "=", release)])).as("failed"),
      sumOf(row, isUnwell(row, question)).as("unwell"),
      sumOf(row, isSilent(row, question)).as("silent"),
      sumOf(row, row.and([isSilent(row, question), row("release", "<", release)])).as("missing"),
    ])
    .executeTakeFirstOrThrow();
  const control = await agentsOf(db)
    .where("component", "=", component)
    .where("retired_at", "is", null)
    .where("reported_at", ">=", open - silence)
    .where((row) => row.not(row.or(stages.map((each) => isIn(row, each)))))
    .select((row) => [
      row.fn.countAll<number>().as("agents"),
      sumOf(row, row.and([row("reported_at", "<", now - silence)])).as("silent"),
    ])
    .executeTakeFirstOrThrow();
  return {
    agents: Number(own.agents),
    installed: Number(own.installed),
    failed: Number(own.failed),
    unwell: Number(own.unwell),
    silent: Number(own.silent),
    missing: Number(own.missing),
    control: { agents: Number(control.agents), silent: Number(control.silent) },
  };
}

/** Agents of a stage at which the release failed, that are not well since, or silent: a few of each, by name. */
export async function witnessesOf(db: Db, question: StageQuestion, limit: number): Promise<Witness[]> {
  const conditions = {
    failed: (row: Terms) => row.and([row("failed_release", "=", question.release)]),
    unwell: (row: Terms) => isUnwell(row, question),
    silent: (row: Terms) => isSilent(row, question),
  };
  const witnesses: Witness[] = [];
  for (const what of ["failed", "unwell", "silent"] as const) {
    const rows = await agentsOf(db)
      .where((row) => row.and([inStage(row, question), conditions[what](row)]))
      .select(["id", "name", "reported_at as at"])
      .select((row) => (what === "failed" ? codeOfFailure(row) : row.ref("agent_components.code")).as("code"))
      .orderBy("name")
      .orderBy("id")
      .limit(limit)
      .execute();
    witnesses.push(...rows.map((row) => ({ ...row, at: row.at ?? 0, what })));
  }
  return witnesses;
}

/** The failure with which a release was taken back; of a machine that said none then, that of its last run. */
function codeOfFailure(row: Terms) {
  return row.fn.coalesce("failed_code", "agent_components.code");
}

/** Numbers of the agents that are not retired, by domain, and of those of them that have settled by `now`. */
export async function countDomains(db: Db, now: number): Promise<DomainSize[]> {
  const isSettled = sql<number>`case when reported_at is not null and created_at <= ${now - SETTLED_AFTER} then 1 else 0 end`;
  const rows = await db
    .selectFrom("agents")
    .where("retired_at", "is", null)
    .select("domain")
    .select((row) => row.fn.countAll<number>().as("agents"))
    .select((row) => row.fn.sum<number>(isSettled).as("settled"))
    .groupBy("domain")
    .execute();
  return rows.map(({ domain, agents, settled }) => {
    return { domain, agents: Number(agents), settled: Number(settled) };
  });
}

/** A component at one agent. */
export interface AgentRelease {
  id: string;
  name: string;
  domain: string;
  release: number;
  version: string;
  /** When it was first reported with that; ms since the epoch. */
  since: number;
  failedRelease: number | null;
  code: string | null;
  held: ReportedHold | null;
}

/** Agents of a component: all, those that have a release, or those at which one failed. */
export interface ReleaseFilter {
  component: string;
  release?: number | undefined;
  failed?: number | undefined;
}

/** Agents of a component by their ids, after `after`. */
export async function listAgentReleases(
  db: Db,
  filter: ReleaseFilter,
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<AgentRelease[]> {
  let query = matchingReleases(db, filter)
    .select(["id", "name", "domain", "release", "version", "since_at as since", "held"])
    .select("failed_release as failedRelease")
    .select((row) => codeOfFailure(row).as("code"))
    .orderBy("agent_id")
    .limit(limit);
  if (after !== undefined) query = query.where("agent_id", ">", after);
  const rows = await query.execute();
  return rows.map((row) => ({
    ...row,
    held: row.held === null ? null : (JSON.parse(row.held) as ReportedHold),
  }));
}

/** Number of the agents of a component. */
export async function countAgentReleases(db: Db, filter: ReleaseFilter): Promise<number> {
  return await countOf(matchingReleases(db, filter));
}

function matchingReleases(db: Db, { component, release, failed }: ReleaseFilter) {
  let query = agentsOf(db).where("component", "=", component).where("retired_at", "is", null);
  if (release !== undefined) query = query.where("release", "=", release);
  if (failed !== undefined) query = query.where("failed_release", "=", failed);
  return query;
}
