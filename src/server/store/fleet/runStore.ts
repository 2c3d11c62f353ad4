import type { ReportSummary } from "../../../core/fleet/reports/reportSummary.ts";
import type { RunPlace } from "../../../core/fleet/reports/sameMachine.ts";
import type { Db, Tx } from "../transaction.ts";
import { searchOf } from "./agentStore.ts";

export interface Run extends Omit<ReportSummary, "addresses" | "source" | "program" | "port"> {
  sequence: number;
  receivedAt: number;
  /** The report as it came. */
  document: unknown;
}

export async function insertRun(tx: Tx, run: Omit<Run, "sequence"> & { agentId: string }): Promise<void> {
  await tx
    .insertInto("runs")
    .values({
      agent_id: run.agentId,
      started_at: run.startedAt,
      ended_at: run.endedAt,
      received_at: run.receivedAt,
      trigger: run.trigger,
      outcome: run.outcome,
      code: run.code,
      bytes: run.bytes,
      document: JSON.stringify(run.document),
    })
    .execute();
}

/** Writes the last run into an agent's row; a report that comes late changes nothing of a later one. */
export async function noteReport(
  tx: Tx,
  agentId: string,
  summary: ReportSummary,
  seenAt: string,
): Promise<void> {
  const { endedAt, outcome, code, source, program, addresses, port } = summary;
  const { name } = await tx
    .selectFrom("agents")
    .select("name")
    .where("id", "=", agentId)
    .executeTakeFirstOrThrow();
  await tx
    .updateTable("agents")
    .set({
      reported_at: endedAt,
      outcome,
      code,
      source,
      program,
      seen_at: seenAt,
      retired_at: null,
      ...(port === undefined ? {} : { port: port ?? 0 }),
      ...(addresses === undefined
        ? {}
        : { addresses: JSON.stringify(addresses), search: searchOf(name, addresses) }),
    })
    .where("id", "=", agentId)
    .where((where) => where.or([where("reported_at", "is", null), where("reported_at", "<=", endedAt)]))
    .execute();
}

/** Time and place of the run that an agent reported last. */
export async function lastPlaceOf(db: Db, agentId: string): Promise<RunPlace | undefined> {
  const found = await db
    .selectFrom("runs")
    .innerJoin("agents", "agents.id", "runs.agent_id")
    .select(["started_at as startedAt", "ended_at as endedAt", "addresses"])
    .where("runs.agent_id", "=", agentId)
    .orderBy("sequence", "desc")
    .limit(1)
    .executeTakeFirst();
  return found && { ...found, addresses: JSON.parse(found.addresses) as string[] };
}

/** Writes down that two machines report as one agent. */
export async function noteDoubled(tx: Tx, agentId: string, at: number): Promise<void> {
  await tx.updateTable("agents").set({ doubled_at: at }).where("id", "=", agentId).execute();
}

/** Forgets an agent's runs but for the newest `keep`. */
export async function dropOldRuns(tx: Tx, agentId: string, keep: number): Promise<void> {
  const oldest = tx
    .selectFrom("runs")
    .select("sequence")
    .where("agent_id", "=", agentId)
    .orderBy("sequence", "desc")
    .limit(1)
    .offset(keep - 1);
  await tx.deleteFrom("runs").where("agent_id", "=", agentId).where("sequence", "<", oldest).execute();
}

/** An agent's runs, the newest first; `before` is the sequence to go on from. */
export async function listRuns(
  db: Db,
  agentId: string,
  { before, limit }: { before?: number | undefined; limit: number },
): Promise<Run[]> {
  let query = db
    .selectFrom("runs")
    .select([
      "sequence",
      "started_at as startedAt",
      "ended_at as endedAt",
      "received_at as receivedAt",
      "trigger",
      "outcome",
      "code",
      "bytes",
      "document",
    ])
    .where("agent_id", "=", agentId)
    .orderBy("sequence", "desc")
    .limit(limit);
  if (before !== undefined) query = query.where("sequence", "<", before);
  const rows = await query.execute();
  return rows.map(({ document, ...row }) => ({ ...row, document: JSON.parse(document) as unknown }));
}

export async function countRuns(db: Db, agentId: string): Promise<number> {
  const { count } = await db
    .selectFrom("runs")
    .select((row) => row.fn.countAll<number>().as("count"))
    .where("agent_id", "=", agentId)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** The run that an agent reported last. */
export async function lastRunOf(
  db: Db,
  agentId: string,
): Promise<{ receivedAt: number; outcome: string; code: string | null } | undefined> {
  return await db
    .selectFrom("runs")
    .select(["received_at as receivedAt", "outcome", "code"])
    .where("agent_id", "=", agentId)
    .orderBy("sequence", "desc")
    .limit(1)
    .executeTakeFirst();
}
