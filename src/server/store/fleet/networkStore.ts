import type { NetworkTraffic } from "../../../core/fleet/reports/networkTraffic.ts";
import { insertRows } from "../manyRows.ts";
import type { Db, Tx } from "../transaction.ts";

/** Rows of one day and network, among which reports are spread: each is held until the disk has its report. */
const PARTS = 4;

const ADDED = {
  columns: {
    day: "bigint",
    network: "text",
    part: "bigint",
    runs: "bigint",
    bytes: "bigint",
    far_bytes: "bigint",
    far_ms: "bigint",
    whole_bytes: "bigint",
    wasted_bytes: "bigint",
    far_wasted_bytes: "bigint",
  },
  otherwise: `on conflict (day, network, part) do update set runs = network_traffic.runs + excluded.runs,
    bytes = network_traffic.bytes + excluded.bytes, far_bytes = network_traffic.far_bytes + excluded.far_bytes,
    far_ms = network_traffic.far_ms + excluded.far_ms, whole_bytes = network_traffic.whole_bytes + excluded.whole_bytes,
    wasted_bytes = network_traffic.wasted_bytes + excluded.wasted_bytes,
    far_wasted_bytes = network_traffic.far_wasted_bytes + excluded.far_wasted_bytes`,
} as const;

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
  const rows = traffic.map(({ network, runs, bytes, farBytes, farMs, ...of }) => {
    const place = [day, network, random % PARTS];
    return [...place, runs, bytes, farBytes, farMs, of.wholeBytes, of.wastedBytes, of.farWastedBytes];
  });
  await insertRows(tx, "network_traffic", ADDED, rows);
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
      fn.sum<number>("wasted_bytes").as("wastedBytes"),
      fn.sum<number>("far_wasted_bytes").as("farWastedBytes"),
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
