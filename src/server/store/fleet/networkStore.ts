import type { NetworkTraffic } from "../../../core/fleet/reports/networkTraffic.ts";
import { inParts } from "../manyRows.ts";
import type { Db, Tx } from "../transaction.ts";

/** Rows of one day and network, among which reports are spread: each is held until the disk has its report. */
const PARTS = 4;

/**
 * Adds runs to what is known of their networks' day.
 *
 * @param random any whole number
 */
export async function addNetworkTraffic(
  tx: Tx,
  day: number,
  traffic: readonly NetworkTraffic[],
  random: number,
): Promise<void> {
  for (const some of inParts(traffic)) {
    const rows = some.map(({ network, runs, bytes, farBytes, farMs, wholeBytes }) => {
      const sums = { runs, bytes, far_bytes: farBytes, far_ms: farMs, whole_bytes: wholeBytes };
      return { day, network, part: random % PARTS, ...sums };
    });
    await tx
      .insertInto("network_traffic")
      .values(rows)
      .onConflict((conflict) =>
        conflict.columns(["day", "network", "part"]).doUpdateSet((row) => ({
          runs: row("network_traffic.runs", "+", row.ref("excluded.runs")),
          bytes: row("network_traffic.bytes", "+", row.ref("excluded.bytes")),
          far_bytes: row("network_traffic.far_bytes", "+", row.ref("excluded.far_bytes")),
          far_ms: row("network_traffic.far_ms", "+", row.ref("excluded.far_ms")),
          whole_bytes: row("network_traffic.whole_bytes", "+", row.ref("excluded.whole_bytes")),
        })),
      )
      .execute();
  }
}

/** Traffic of the days from `from` on and before `to`, in sums. */
function between(db: Db, { from, to }: { from: number; to: number }) {
  return db
    .selectFrom("network_traffic")
    .select(({ fn }) => [
      fn.sum<number>("runs").as("runs"),
      fn.sum<number>("bytes").as("bytes"),
      fn.sum<number>("far_bytes").as("farBytes"),
      fn.sum<number>("far_ms").as("farMs"),
      fn.sum<number>("whole_bytes").as("wholeBytes"),
    ])
    .where("day", ">=", from)
    .where("day", "<", to);
}

/** Traffic by network. */
export async function trafficByNetwork(
  db: Db,
  time: { from: number; to: number },
): Promise<NetworkTraffic[]> {
  return await between(db, time).select("network").groupBy("network").orderBy("network").execute();
}

/** Traffic by day, of all networks. */
export async function trafficByDay(
  db: Db,
  time: { from: number; to: number },
): Promise<(Omit<NetworkTraffic, "network"> & { day: number })[]> {
  return await between(db, time).select("day").groupBy("day").orderBy("day").execute();
}

export async function dropNetworkTraffic(tx: Tx, before: number): Promise<void> {
  await tx.deleteFrom("network_traffic").where("day", "<", before).execute();
}
