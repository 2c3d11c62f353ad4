/** Report of a run (docs/agent.md), as far as the server looks at it. */
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
}

/** The columns of a report. A run that came to no report has failed, with its code. */
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
