/**
 * State of one agent of a notification: it is to be told; it was told over its own request, and has not
 * acknowledged it; it has verified what it was told, and its run follows or goes on; its run has ended; it
 * could not be reached.
 */
export const TOLD_STATES = ["waiting", "notified", "running", "done", "failed", "unreachable"] as const;
export type ToldState = (typeof TOLD_STATES)[number];

/** Agents of a notification by their states. */
export type ToldCounts = Record<ToldState, number>;

/** Code of an agent that is done since it had all that it was told of, and did not run. */
export const ALREADY_CURRENT = "ALREADY_CURRENT";

/** Longest time (ms) between an acknowledgement and the report of its run. */
export const SILENCE = 3_600_000;
/** Difference (ms) between an agent's clock and the server's that is put up with. */
const SKEW = 600_000;

/**
 * Whether a report is of a run that came after the agent was told. A run that somebody else began may have
 * been on its way before; the clock is the agent's.
 */
export function isReportAfter(report: { startedAt: number; trigger: string }, toldAt: number): boolean {
  return report.startedAt >= toldAt - (report.trigger === "notify" ? SKEW : 0);
}

/** The state of an agent whose run has ended so. */
export function stateAfterRun(outcome: string): "done" | "failed" {
  return outcome === "updated" || outcome === "current" ? "done" : "failed";
}

/** The answer of an agent to a notification that was pushed to it (docs/notification.md). */
export type PushAnswer = "new" | "known" | "refused" | "unreachable";

/** Reads the status of that answer; one that no agent gives comes from somebody else at its address. */
export function readPushAnswer(status: number): PushAnswer {
  if (status === 202) return "new";
  if (status === 204) return "known";
  return status === 403 || status === 413 ? "refused" : "unreachable";
}
