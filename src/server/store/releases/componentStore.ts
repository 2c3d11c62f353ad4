import { type ExpressionBuilder, sql } from "kysely";
import type { AgentComponent } from "../../../core/fleet/reports/reportComponents.ts";
import { millionths } from "../../../core/fleet/reports/reportComponents.ts";
import type { StageCounts, Witness } from "../../../core/fleet/stageVerdict.ts";
import type { Stage } from "../../../core/settings/rollout.ts";
import { inParts } from "../manyRows.ts";
import type { Tables } from "../tables.ts";
import type { Db, Tx } from "../transaction.ts";

/** Components of one agent, at the time (ms) when its report was received. */
export interface ReportedAgent {
  agentId: string;
  heardAt: number;
  components: AgentComponent[];
}

/** Writes down what agents have, by their reports in the order in which they came. */
export async function noteComponents(tx: Tx, agents: ReportedAgent[]): Promise<void> {
  // One statement writes each row once: the last report of an agent counts.
  const rows = new Map(
    agents.flatMap(({ agentId, heardAt, components }) =>
      components.map((each) => [`${agentId} ${each.component}`, rowOf(agentId, heardAt, each)] as const),
    ),
  );
  // In one order, so that reports that come together wait for each other and never in a ring.
  const all = [...rows].toSorted(([one], [other]) => (one < other ? -1 : 1)).map(([, row]) => row);
  for (const some of inParts(all)) {
    await tx
      .insertInto("agent_components")
      .values(some)
      .onConflict((conflict) =>
        conflict.columns(["agent_id", "component"]).doUpdateSet((row) => ({
          release: row.ref("excluded.release"),
          version: row.ref("excluded.version"),
          since_at: row
            .case()
            .when("agent_components.release", "=", row.ref("excluded.release"))
            .then(row.ref("agent_components.since_at"))
            .else(row.ref("excluded.since_at"))
            .end(),
          heard_at: row.ref("excluded.heard_at"),
          failed_release: row.ref("excluded.failed_release"),
          code: row.ref("excluded.code"),
          held: row.ref("excluded.held"),
        })),
      )
      .execute();
  }
}

function rowOf(agentId: string, heardAt: number, each: AgentComponent) {
  const { component, release, version, place, failedRelease, code, held } = each;
  return {
    agent_id: agentId,
    component,
    release,
    version,
    place,
    since_at: heardAt,
    heard_at: heardAt,
    failed_release: failedRelease,
    code,
    held: held === null ? null : JSON.stringify(held),
  };
}

/** Notes that agents were heard of, with the failure of their runs. */
export async function noteHeard(
  tx: Tx,
  { agents, heardAt, code }: { agents: string[]; heardAt: number; code: string | null },
): Promise<void> {
  for (const some of inParts(agents)) {
    await tx
      .updateTable("agent_components")
      .set({ heard_at: heardAt, code })
      .where("agent_id", "in", some)
      .execute();
  }
}

/** Forgets components that an agent does not have any more. */
export async function dropComponents(tx: Tx, agentId: string, kept: string[]): Promise<void> {
  let query = tx.deleteFrom("agent_components").where("agent_id", "=", agentId);
  if (kept.length > 0) query = query.where("component", "not in", kept);
  await query.execute();
}

/** Agents that have a release, by domain. */
export interface ReleaseCount {
  component: string;
  release: number;
  domain: string;
  agents: number;
}

/** Numbers of the agents that are not retired, by component, release and domain. */
export async function countReleases(db: Db, component?: string): Promise<ReleaseCount[]> {
  let query = db
    .selectFrom("agent_components")
    .innerJoin("agents", "agents.id", "agent_components.agent_id")
    .where("retired_at", "is", null)
    .select(["component", "release", "domain"])
    .select((row) => row.fn.countAll<number>().as("agents"))
    .groupBy(["component", "release", "domain"]);
  if (component !== undefined) query = query.where("component", "=", component);
  const rows = await query.execute();
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

type Row = ExpressionBuilder<Pick<Tables, "agent_components" | "agents">, "agent_components" | "agents">;

function isIn(row: Row, { domains, percent }: Stage) {
  const inPercent = row("place", "<", millionths(percent));
  return domains === undefined ? inPercent : row.and([inPercent, row("domain", "in", domains)]);
}

/** Agents of the stage, and of no stage before it, that were heard of shortly before it came. */
function inStage(row: Row, { component, stages, open, silence }: StageQuestion) {
  const [last, ...before] = stages.toReversed();
  return row.and([
    row("component", "=", component),
    row("retired_at", "is", null),
    row("heard_at", ">=", open - silence),
    ...(last === undefined ? [] : [isIn(row, last)]),
    ...before.map((each) => row.not(isIn(row, each))),
  ]);
}

/** Agents that have not reported since they got the release, or since they could have got it. */
function isSilent(row: Row, { release, open, silence, now }: StageQuestion) {
  const unheard = row.and([row("heard_at", "<", now - silence), sql<boolean>`heard_at <= since_at`]);
  const missing = sql<boolean>`${now} >= ${open + silence} and release < ${release} and heard_at < ${now - silence}`;
  return row.and([
    row.or([row.and([row("release", ">=", release), unheard]), missing]),
    row.not(row(row.fn.coalesce("failed_release", sql<number>`0`), "=", release)),
  ]);
}

function isUnwell(row: Row, { release }: StageQuestion) {
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
  const sumOf = (row: Row, condition: ReturnType<Row["and"]>) =>
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
    .where("heard_at", ">=", open - silence)
    .where((row) => row.not(row.or(stages.map((each) => isIn(row, each)))))
    .select((row) => [
      row.fn.countAll<number>().as("agents"),
      sumOf(row, row.and([row("heard_at", "<", now - silence)])).as("silent"),
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
    failed: (row: Row) => row.and([row("failed_release", "=", question.release)]),
    unwell: (row: Row) => isUnwell(row, question),
    silent: (row: Row) => isSilent(row, question),
  };
  const witnesses: Witness[] = [];
  for (const what of ["failed", "unwell", "silent"] as const) {
    const rows = await agentsOf(db)
      .where((row) => row.and([inStage(row, question), conditions[what](row)]))
      .select(["id", "name", "agent_components.code as code", "heard_at as at"])
      .orderBy("name")
      .orderBy("id")
      .limit(limit)
      .execute();
    witnesses.push(...rows.map((row) => ({ ...row, what })));
  }
  return witnesses;
}

/** Numbers of the agents that are not retired, by domain. */
export async function countDomains(db: Db): Promise<{ domain: string; agents: number }[]> {
  const rows = await db
    .selectFrom("agents")
    .where("retired_at", "is", null)
    .select("domain")
    .select((row) => row.fn.countAll<number>().as("agents"))
    .groupBy("domain")
    .execute();
  return rows.map(({ domain, agents }) => ({ domain, agents: Number(agents) }));
}
