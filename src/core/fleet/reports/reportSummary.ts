/** Report of a run (docs/agent.md), as far as the server looks at it. */
export interface AgentReport {
  started: string;
  ended: string;
  trigger: string;
  program: string;
  /** The port at which the agent listens for notifications; null for none. */
  port?: number | null | undefined;
  report?: RunReport | undefined;
  failure?: { code: string; message: string } | undefined;
}

export interface ReportedAttempt {
  name?: string;
  url: string;
  outcome: string;
  code?: string;
  bytes?: number;
}

interface RunReport {
  outcome: string;
  bytes?: number | undefined;
  addresses?: string[] | undefined;
  dnsSuffixes?: string[] | undefined;
  attempts?: ReportedAttempt[] | undefined;
}

/** Columns of a report, which lists show and sort by. */
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
  dnsSuffixes?: string[] | undefined;
  port?: number | null | undefined;
}

/** Sums a report up. A run that did not come to a report has failed, with its code. */
export function summaryOf(given: AgentReport): ReportSummary {
  const { started, ended, trigger, program, port, report, failure } = given;
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
    dnsSuffixes: report?.dnsSuffixes,
    port,
  };
}
