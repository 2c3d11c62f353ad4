import { componentsOf } from "../../core/fleet/reports/reportComponents.ts";
import type { AgentReport } from "../../core/fleet/reports/reportSummary.ts";
import { dropComponents, noteComponents } from "../store/releases/componentStore.ts";
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
export async function noteReleases(tx: Tx, reports: ReceivedReport[]): Promise<void> {
  const said = reports.flatMap(({ agentId, receivedAt, report }) => {
    const components = componentsOf(agentId, report);
    return components === undefined ? [] : [{ agentId, heardAt: receivedAt, report, components }];
  });
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
