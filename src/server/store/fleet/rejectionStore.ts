import type { RejectedSource, Rejection } from "../../../core/fleet/reports/rejections.ts";
import { fewLengths, inParts, insertRows } from "../manyRows.ts";
import type { Db, Tx } from "../transaction.ts";

const ADDED = {
  columns: { source: "text", agent_id: "text", code: "text", since_at: "bigint", last_at: "bigint" },
  // Another failure than before has its own beginning.
  otherwise: `on conflict (source, agent_id) do update set last_at = excluded.last_at, code = excluded.code,
    since_at = case when rejections.code = excluded.code then rejections.since_at else excluded.since_at end`,
} as const;

/** A source that an agent rejected something of. */
export interface RejectedBy {
  source: string;
  agentId: string;
  code: string;
}

/** Writes down what agents rejected now; each agent and source once. */
export async function putRejections(tx: Tx, rejected: readonly RejectedBy[], now: number): Promise<void> {
  const rows = rejected.map(({ source, agentId, code }) => [source, agentId, code, now, now]);
  await insertRows(tx, "rejections", ADDED, rows);
}

/** All that these agents rejected. */
export async function rejectionsOf(db: Db, agentIds: readonly string[]): Promise<(RejectedBy & Rejection)[]> {
  const found: (RejectedBy & Rejection)[] = [];
  for (const some of inParts(agentIds)) {
    const rows = await db
      .selectFrom("rejections")
      .select(["source", "agent_id as agentId", "code", "since_at as since", "last_at as last"])
      .where("agent_id", "in", fewLengths(some))
      .orderBy("last_at")
      .execute();
    found.push(...rows);
  }
  return found;
}

export async function dropRejection(
  tx: Tx,
  { source, agentId }: Pick<RejectedBy, "source" | "agentId">,
): Promise<void> {
  await tx.deleteFrom("rejections").where("source", "=", source).where("agent_id", "=", agentId).execute();
}

/** Sources of which agents rejected something since `from`, by code. */
export async function rejectedSources(db: Db, from: number): Promise<RejectedSource[]> {
  return await db
    .selectFrom("rejections")
    .select(({ fn }) => [
      "source",
      "code",
      fn.countAll<number>().as("agents"),
      fn.min<number>("since_at").as("since"),
      fn.max<number>("last_at").as("last"),
    ])
    .where("last_at", ">=", from)
    .groupBy(["source", "code"])
    .orderBy("source")
    .orderBy("code")
    .execute();
}

export async function dropOldRejections(tx: Tx, before: number): Promise<void> {
  await tx.deleteFrom("rejections").where("last_at", "<", before).execute();
}
