import type { Context } from "../context.ts";
import { insertRun, noteReport } from "../store/runStore.ts";
import { transact } from "../store/transaction.ts";

/** What an agent reports of a run (docs/agent.md), as far as it is looked at here. */
export interface AgentReport {
  started: string;
  ended: string;
  trigger: string;
  program: string;
  report?: RunReport | undefined;
  failure?: { code: string; message: string } | undefined;
}

interface RunReport {
  outcome: string;
  bytes?: number | undefined;
  addresses?: string[] | undefined;
  attempts?: { name?: string; url: string; outcome: string; code?: string }[] | undefined;
}

/** What lists show and sort of a report. */
export interface ReportSummary {
  startedAt: number;
  endedAt: number;
  trigger: string;
  program: string;
  outcome: string;
  code: string | null;
  bytes: number;
  source: string | null;
  addresses: string[] | undefined;
}

/** Pure. What did not come to a report has failed, with its code. */
export function summaryOf({ started, ended, trigger, program, report, failure }: AgentReport): ReportSummary {
  const attempts = report?.attempts ?? [];
  const served = attempts.findLast(({ outcome }) => outcome !== "failed");
  const failed = attempts.find(({ outcome }) => outcome === "failed");
  return {
    startedAt: Date.parse(started),
    endedAt: Date.parse(ended),
    trigger,
    program,
    outcome: report?.outcome ?? "failed",
    code: failure?.code ?? failed?.code ?? null,
    bytes: report?.bytes ?? 0,
    source: served === undefined ? null : (served.name ?? served.url),
    addresses: report?.addresses,
  };
}

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
