import type { SourceTraffic } from "../../../core/fleet/reports/reportTraffic.ts";
import { agentOfKey, readSourceKey } from "../../../core/fleet/reports/updateAgentPlaces.ts";
import { insertRows } from "../manyRows.ts";
import type { Db, Tx } from "../transaction.ts";
import { findAgents } from "./agentStore.ts";

export interface HourOfSource extends SourceTraffic {
  /** When the hour began, in ms. */
  hour: number;
}

/** Rows of one hour and source, among which reports are spread: each is held until the disk has its report. */
const PARTS = 16;

const ADDED = {
  columns: {
    hour: "bigint",
    part: "bigint",
    source: "text",
    attempts: "bigint",
    failed: "bigint",
    bytes: "bigint",
    wasted: "bigint",
  },
  otherwise: `on conflict (hour, source, part) do update set attempts = traffic.attempts + excluded.attempts,
    failed = traffic.failed + excluded.failed, bytes = traffic.bytes + excluded.bytes,
    wasted = traffic.wasted + excluded.wasted`,
} as const;

/**
 * Adds attempts to what is known of their hour.
 *
 * @param random any whole number
 */
export async function addTraffic(
  tx: Tx,
  hour: number,
  traffic: readonly SourceTraffic[],
  random: number,
): Promise<void> {
  const rows = traffic.map((each) => {
    return [hour, random % PARTS, each.source, each.attempts, each.failed, each.bytes, each.wasted];
  });
  await insertRows(tx, "traffic", ADDED, rows);
}

/** Traffic of the hours that began from `from` on and before `to`. */
export async function trafficBetween(
  db: Db,
  { from, to, limit }: { from: number; to: number; limit: number },
): Promise<HourOfSource[]> {
  return await db
    .selectFrom("traffic")
    .select((row) => [
      "hour",
      "source",
      row.fn.sum<number>("attempts").as("attempts"),
      row.fn.sum<number>("failed").as("failed"),
      row.fn.sum<number>("bytes").as("bytes"),
      row.fn.sum<number>("wasted").as("wasted"),
    ])
    .where("hour", ">=", from)
    .where("hour", "<", to)
    .groupBy(["hour", "source"])
    .orderBy("hour")
    .orderBy("source")
    .limit(limit)
    .execute();
}

/** Traffic of the hours that began from `from` on and before `to`, by source. */
export async function trafficBySource(
  db: Db,
  { from, to }: { from: number; to: number },
): Promise<SourceTraffic[]> {
  return await db
    .selectFrom("traffic")
    .select((row) => [
      "source",
      row.fn.sum<number>("attempts").as("attempts"),
      row.fn.sum<number>("failed").as("failed"),
      row.fn.sum<number>("bytes").as("bytes"),
      row.fn.sum<number>("wasted").as("wasted"),
    ])
    .where("hour", ">=", from)
    .where("hour", "<", to)
    .groupBy("source")
    .orderBy("source")
    .execute();
}

/** Traffic with the id of the Update Agent that was the source, whose name is the one that it has now. */
export async function withAgents(
  db: Db,
  hours: readonly HourOfSource[],
): Promise<(HourOfSource & { agent: string | null })[]> {
  const ids = new Set(hours.flatMap(({ source }) => agentOfKey(source) ?? []));
  const names = new Map((await findAgents(db, [...ids])).map(({ id, name }) => [id, name]));
  return hours.map((hour) => {
    const read = readSourceKey(hour.source);
    if ("source" in read) return { ...hour, source: read.source, agent: null };
    return { ...hour, source: names.get(read.agent) ?? read.agent, agent: read.agent };
  });
}

export async function dropTraffic(tx: Tx, before: number): Promise<void> {
  await tx.deleteFrom("traffic").where("hour", "<", before).execute();
}
