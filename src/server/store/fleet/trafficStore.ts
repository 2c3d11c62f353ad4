import type { SourceTraffic } from "../../../core/fleet/reports/reportTraffic.ts";
import { inParts } from "../manyRows.ts";
import type { Db, Tx } from "../transaction.ts";

export interface HourOfSource extends SourceTraffic {
  /** When the hour began, in ms. */
  hour: number;
}

/** Rows of one hour and source, among which reports are spread: each is held until the disk has its report. */
const PARTS = 16;

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
  for (const some of inParts(traffic)) {
    await tx
      .insertInto("traffic")
      .values(some.map((each) => ({ hour, part: random % PARTS, ...each })))
      .onConflict((conflict) =>
        conflict.columns(["hour", "source", "part"]).doUpdateSet((row) => ({
          attempts: row("traffic.attempts", "+", row.ref("excluded.attempts")),
          failed: row("traffic.failed", "+", row.ref("excluded.failed")),
          bytes: row("traffic.bytes", "+", row.ref("excluded.bytes")),
        })),
      )
      .execute();
  }
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
    ])
    .where("hour", ">=", from)
    .where("hour", "<", to)
    .groupBy("source")
    .orderBy("source")
    .execute();
}

export async function dropTraffic(tx: Tx, before: number): Promise<void> {
  await tx.deleteFrom("traffic").where("hour", "<", before).execute();
}
