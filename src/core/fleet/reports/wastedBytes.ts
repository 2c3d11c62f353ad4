import { isRejection } from "../../order/disposition.ts";
import type { ReportedAttempt } from "./reportSummary.ts";

/**
 * Bytes of an attempt that crossed a link and were thrown away. An agent that does not say so has used nothing of
 * what it rejected.
 */
export function wastedIn({ outcome, code, bytes = 0, wasted }: ReportedAttempt): number {
  if (wasted !== undefined) return Math.min(wasted, bytes);
  return outcome === "failed" && code !== undefined && isRejection(code) ? bytes : 0;
}
