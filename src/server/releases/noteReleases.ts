import { componentsOf, failureOf } from "../../core/fleet/reports/reportComponents.ts";
import type { AgentReport } from "../../core/fleet/reports/reportSummary.ts";
import { noteComponents } from "../store/releases/componentStore.ts";
import type { Tx } from "../store/transaction.ts";

/**
 * Writes down what agents have of each component, by reports in the order in which they came: a statement or two
 * for all of them. Components that were never offered here are nothing that a release could be judged by.
 *
 * @param now by the server's clock, not before the time of the reports
 */
export async function noteReleases(
  tx: Tx,
  reports: readonly { agentId: string; report: AgentReport }[],
  now: number,
): Promise<void> {
  const rollouts = await tx.selectFrom("rollouts").select("component").execute();
  if (rollouts.length === 0) return;
  const known = new Set(rollouts.map(({ component }) => component));
  // Of two reports of an agent the later counts.
  const last = new Map(reports.map(({ agentId, report }) => [agentId, report]));
  const agents = [...last].map(([agentId, report]) => ({
    agentId,
    components: componentsOf(agentId, report)?.filter(({ component }) => known.has(component)),
    code: failureOf(report),
  }));
  await noteComponents(tx, agents, now);
}
