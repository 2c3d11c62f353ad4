import { type AgentReport, summaryOf } from "../../core/fleet/reportSummary.ts";
import type { Context } from "../context.ts";
import { settleByReport } from "../notify/settle.ts";
import { insertRun, noteReport } from "../store/runStore.ts";
import { transact } from "../store/transaction.ts";

/**
 * Keeps a report: acknowledged once it is on disk.
 *
 * @param address of the connection that it came by
 */
export async function takeReport(
  { database, now }: Context,
  agentId: string,
  report: AgentReport,
  address: string,
): Promise<void> {
  const summary = summaryOf(report);
  await transact(database.db, async (tx) => {
    await insertRun(tx, { agentId, receivedAt: now(), ...summary, document: report });
    await noteReport(tx, agentId, summary, address);
    await settleByReport(tx, agentId, summary);
  });
}
