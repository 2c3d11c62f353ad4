import { type AgentReport, summaryOf } from "../../core/fleet/reports/reportSummary.ts";
import { trafficOf } from "../../core/fleet/reports/reportTraffic.ts";
import { areTwoMachines } from "../../core/fleet/reports/sameMachine.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { settleByReport } from "../notify/settle.ts";
import { dropOldRuns, insertRun, lastPlaceOf, noteDoubled, noteReport } from "../store/fleet/runStore.ts";
import { addTraffic } from "../store/fleet/trafficStore.ts";
import { transact } from "../store/transaction.ts";

/**
 * Keeps a report: acknowledged once it is on disk.
 *
 * @param address of the connection that it came by
 */
export async function takeReport(
  { config, database, now, random }: Context,
  agentId: string,
  report: AgentReport,
  address: string,
): Promise<void> {
  const summary = summaryOf(report);
  if (!Number.isFinite(summary.startedAt) || !Number.isFinite(summary.endedAt)) {
    throw new Problem("BODY_INVALID", "started and ended must be times that there are");
  }
  await transact(database.db, async (tx) => {
    const last = await lastPlaceOf(tx, agentId);
    await insertRun(tx, { agentId, receivedAt: now(), ...summary, document: report });
    await addTraffic(tx, hourOf(now()), trafficOf(report), random(1)[0] ?? 0);
    await dropOldRuns(tx, agentId, config.reports.perAgent);
    await noteReport(tx, agentId, summary, address);
    const place = { ...summary, addresses: summary.addresses ?? [] };
    if (last !== undefined && areTwoMachines(last, place)) await noteDoubled(tx, agentId, now());
    await settleByReport(tx, agentId, summary);
  });
}

const HOUR = 3_600_000;

/** The hour of a moment, by the server's clock: agents' clocks may be anything. */
function hourOf(time: number): number {
  return time - (time % HOUR);
}
