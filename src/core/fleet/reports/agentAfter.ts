import type { ReportSummary } from "./reportSummary.ts";
import { areTwoMachines } from "./sameMachine.ts";

/** An agent as its reports have it. Times in ms. */
export interface ReportedAgent {
  /** End of the newest run. */
  reportedAt: number | null;
  outcome: string | null;
  code: string | null;
  source: string | null;
  program: string;
  addresses: readonly string[];
  /** The domains of its DNS search list; null while it has not said. */
  dnsSuffixes: readonly string[] | null;
  port: number | null;
  /** The address that its last enrolment or report came from. */
  seenAt: string | null;
  retiredAt: number | null;
  doubledAt: number | null;
  /** Reports that were ever taken of it. */
  reports: number;
  /** Times of the run that was reported last. */
  run: { startedAt: number; endedAt: number } | null;
}

/** An agent after one more report; one that comes late changes nothing of a later one. */
export function agentAfter(
  agent: ReportedAgent,
  summary: ReportSummary,
  { seenAt, now }: { seenAt: string; now: number },
): ReportedAgent {
  const { startedAt, endedAt, outcome, code, source, program, addresses, dnsSuffixes, port } = summary;
  const isDoubled =
    agent.run !== null &&
    areTwoMachines({ ...agent.run, addresses: agent.addresses }, { ...summary, addresses: addresses ?? [] });
  const always = {
    reports: agent.reports + 1,
    run: { startedAt, endedAt },
    doubledAt: isDoubled ? now : agent.doubledAt,
  };
  if (agent.reportedAt !== null && agent.reportedAt > endedAt) return { ...agent, ...always };
  return {
    ...always,
    reportedAt: endedAt,
    outcome,
    code,
    source,
    program,
    addresses: addresses ?? agent.addresses,
    dnsSuffixes: dnsSuffixes ?? agent.dnsSuffixes,
    port: port === undefined ? agent.port : (port ?? 0),
    seenAt,
    retiredAt: null,
  };
}
