import { componentsOf, failureOf } from "../../core/fleet/reports/reportComponents.ts";
import type { AgentReport } from "../../core/fleet/reports/reportSummary.ts";
import { dropComponents, noteComponents, noteHeard } from "../store/releases/componentStore.ts";
import type { Tx } from "../store/transaction.ts";

/** A report, and when it was received; ms since the epoch. */
export interface ReceivedReport {
  agentId: string;
  receivedAt: number;
  report: AgentReport;
}

/**
 * Writes down what agents have of each component, by reports in the order in which they came: one statement for
 * all of them. Components that were never offered here are nothing that a release could be judged by.
 */
export async function noteReleases(tx: Tx, reports: readonly ReceivedReport[]): Promise<void> {
  const said = reports.flatMap(({ agentId, receivedAt, report }) => {
    const components = componentsOf(agentId, report);
    return components === undefined ? [] : [{ agentId, heardAt: receivedAt, report, components }];
  });
  await noteFailedRuns(tx, reports);
  if (said.length === 0) return;
  const known = new Set(
    (await tx.selectFrom("rollouts").select("component").execute()).map(({ component }) => component),
  );
  const rows = said.map((each) => ({
    ...each,
    components: each.components.filter(({ component }) => known.has(component)),
  }));
  await noteComponents(tx, rows);
  for (const { agentId, report, components } of rows) {
    const { removed = [] } = (report.report ?? {}) as { removed?: unknown[] };
    if (removed.length === 0 && components.length > 0) continue;
    await dropComponents(
      tx,
      agentId,
      components.map(({ component }) => component),
    );
  }
}

/** Agents of runs that came to no report are heard of all the same, and what they have is what they had. */
async function noteFailedRuns(tx: Tx, reports: readonly ReceivedReport[]): Promise<void> {
  const failed = reports.filter(({ agentId, report }) => componentsOf(agentId, report) === undefined);
  for (const [code, group] of Map.groupBy(failed, ({ report }) => failureOf(report))) {
    const heardAt = Math.max(...group.map(({ receivedAt }) => receivedAt));
    await noteHeard(tx, { agents: [...new Set(group.map(({ agentId }) => agentId))], heardAt, code });
  }
}
