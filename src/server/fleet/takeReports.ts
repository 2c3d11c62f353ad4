import { type AgentReport, summaryOf } from "../../core/fleet/reportSummary.ts";
import type { Context } from "../context.ts";
import { insertRun, noteReport } from "../store/runStore.ts";
import { transact } from "../store/transaction.ts";

/** Keeps a report: acknowledged once it is on disk. */
export async function takeReport(
  { database, now }: Context,
  agentId: string,
  report: AgentReport,
): Promise<void> {
  const summary = summaryOf(report);
  await transact(database.db, async (tx) => {
    await insertRun(tx, { agentId, receivedAt: now(), ...summary, document: report });
    await noteReport(tx, agentId, summary);
  });
}
