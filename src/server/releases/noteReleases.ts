import {
  type AgentComponent,
  componentsOf,
  failedCodeAfter,
  failureOf,
} from "../../core/fleet/reports/reportComponents.ts";
import type { AgentReport } from "../../core/fleet/reports/reportSummary.ts";
import { noteComponents, type ReportedAgent } from "../store/releases/componentStore.ts";
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
  const agents = new Map<string, ReportedAgent>();
  for (const { agentId, report } of reports) {
    const components = componentsOf(agentId, report)?.filter(({ component }) => known.has(component));
    const reported = { agentId, components, code: failureOf(report) };
    agents.set(agentId, laterOf(agents.get(agentId), reported));
  }
  await noteComponents(tx, [...agents.values()], now);
}

/** Of two reports of an agent the later counts, but for the failure of a release that both say is held. */
function laterOf(before: ReportedAgent | undefined, after: ReportedAgent): ReportedAgent {
  const known = new Map(before?.components?.map((each) => [each.component, each]));
  const components = (after.components ?? before?.components)?.map((each): AgentComponent => {
    if (after.components === undefined) return { ...each, code: after.code };
    return { ...each, failedCode: failedCodeAfter(known.get(each.component), each) };
  });
  return { ...after, components };
}
