import { sql } from "kysely";
import type { ReportSummary } from "../../../core/fleet/reports/reportSummary.ts";
import { countOf } from "../countOf.ts";
import { fewLengths, inParts, insertRows, tableOf } from "../manyRows.ts";
import type { Db, Tx } from "../transaction.ts";

export interface Run
  extends Pick<ReportSummary, "startedAt" | "endedAt" | "trigger" | "outcome" | "code" | "bytes"> {
  /** Among its agent's runs, in the order in which they were reported, from 1. */
  sequence: number;
  receivedAt: number;
  /** The report as it came. */
  document: unknown;
}

/** A run to keep, its report as JSON text. */
export interface NewRun extends Omit<Run, "document"> {
  agentId: string;
  document: string;
}

const COLUMNS = {
  agent_id: "text",
  number: "bigint",
  started_at: "bigint",
  ended_at: "bigint",
  received_at: "bigint",
  trigger: "text",
  outcome: "text",
  code: "text",
  bytes: "bigint",
  document: "text",
  size: "bigint",
} as const;

export async function insertRuns(tx: Tx, runs: readonly NewRun[]): Promise<void> {
  const rows = runs.map((run) => [
    run.agentId,
    run.sequence,
    run.startedAt,
    run.endedAt,
    run.receivedAt,
    run.trigger,
    run.outcome,
    run.code,
    run.bytes,
    run.document,
    run.document.length,
  ]);
  await insertRows(tx, "runs", { columns: COLUMNS }, rows);
}

/**
 * Forgets of each of these agents the runs up to a number.
 *
 * @returns characters of their reports
 */
export async function dropRuns(tx: Tx, agents: readonly { id: string; upTo: number }[]): Promise<number> {
  let size = 0;
  for (const some of inParts(agents)) {
    const rows = some.map(({ id, upTo }) => [id, upTo]);
    const { rows: gone } = await sql<{ size: number }>`delete from runs where sequence in (
      select sequence from ${tableOf(tx, ["text", "bigint"], rows)} as given
      join runs on runs.agent_id = given.column1 and runs.number <= given.column2) returning size`.execute(
      tx,
    );
    for (const each of gone) size += each.size;
  }
  return size;
}

/** Forgets the oldest runs of all, `most` of them at most, if they came before a time. */
export async function dropOldestRuns(
  tx: Tx,
  { before, most }: { before: number; most: number },
): Promise<{ count: number; size: number }> {
  const oldest = tx
    .selectFrom("runs")
    .select(["sequence", "received_at"])
    .orderBy("sequence")
    .limit(most)
    .as("oldest");
  const gone = await tx
    .deleteFrom("runs")
    .where("sequence", "in", (query) =>
      query.selectFrom(oldest).select("sequence").where("received_at", "<", before),
    )
    .returning("size")
    .execute();
  return { count: gone.length, size: gone.reduce((sum, { size }) => sum + size, 0) };
}

/** Rows among which the sum of all reports' sizes is spread: a server holds one until its commit. */
const PARTS = 16;

/**
 * Adds to the size of all reports that are kept.
 *
 * @param random any whole number
 */
export async function addKept(tx: Tx, bytes: number, random: number): Promise<void> {
  await tx
    .insertInto("kept_reports")
    .values({ part: random % PARTS, bytes })
    .onConflict((conflict) =>
      conflict.column("part").doUpdateSet((row) => ({
        bytes: row("kept_reports.bytes", "+", row.ref("excluded.bytes")),
      })),
    )
    .execute();
}

/** Characters of all reports that are kept. */
export async function keptBytes(db: Db): Promise<number> {
  const { bytes } = await db
    .selectFrom("kept_reports")
    .select((row) => row.fn.sum<number | null>("bytes").as("bytes"))
    .executeTakeFirstOrThrow();
  return Number(bytes ?? 0);
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
      "number as sequence",
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
    .orderBy("number", "desc")
    .limit(limit);
  if (before !== undefined) query = query.where("number", "<", before);
  const rows = await query.execute();
  return rows.map(({ document, ...row }) => ({ ...row, document: JSON.parse(document) as unknown }));
}

export async function countRuns(db: Db, agentId: string): Promise<number> {
  return await countOf(db.selectFrom("runs").where("agent_id", "=", agentId));
}

/** The documents of the runs that agents reported last, by agent. */
export async function lastDocumentsOf(db: Db, agentIds: readonly string[]): Promise<Map<string, unknown>> {
  const found = new Map<string, unknown>();
  for (const some of inParts(agentIds)) {
    const rows = await db
      .selectFrom("agents")
      .innerJoin("runs", (join) =>
        join.onRef("runs.agent_id", "=", "agents.id").onRef("runs.number", "=", "agents.reports"),
      )
      .select(["agent_id", "document"])
      .where("agents.id", "in", fewLengths(some))
      .execute();
    for (const { agent_id, document } of rows) found.set(agent_id, JSON.parse(document));
  }
  return found;
}

/** The runs that agents reported last, by agent. */
export async function lastRunsOf(
  db: Db,
  agentIds: readonly string[],
): Promise<Map<string, { receivedAt: number; outcome: string; code: string | null }>> {
  const found = new Map<string, { receivedAt: number; outcome: string; code: string | null }>();
  for (const some of inParts(agentIds)) {
    const rows = await db
      .selectFrom("agents")
      .innerJoin("runs", (join) =>
        join.onRef("runs.agent_id", "=", "agents.id").onRef("runs.number", "=", "agents.reports"),
      )
      .select(["agent_id", "received_at as receivedAt", "runs.outcome", "runs.code"])
      .where("agents.id", "in", fewLengths(some))
      .execute();
    for (const { agent_id, ...run } of rows) found.set(agent_id, run);
  }
  return found;
}
