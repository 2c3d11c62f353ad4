import type { AgentReport } from "./reportSummary.ts";

/** Attempts at one source, summed up. */
export interface SourceTraffic {
  /** Name or URL. */
  source: string;
  attempts: number;
  /** Those that failed. */
  failed: number;
  /** Bytes that came from it. */
  bytes: number;
}

/** Longest name of a source that is kept, and how many of one report: what agents say is not believed to be short. */
const LONGEST = 200;
const MOST = 64;

/** The attempts of a run by source, by name: sorted, so that reports that come together wait for each other in one order. */
export function trafficOf({ report }: AgentReport): SourceTraffic[] {
  const sums = new Map<string, SourceTraffic>();
  for (const { name, url, outcome, bytes = 0 } of report?.attempts ?? []) {
    const source = (name ?? url).slice(0, LONGEST);
    const sum = sums.get(source) ?? { source, attempts: 0, failed: 0, bytes: 0 };
    sums.set(source, sum);
    sum.attempts++;
    if (outcome === "failed") sum.failed++;
    sum.bytes = Math.min(sum.bytes + bytes, Number.MAX_SAFE_INTEGER);
  }
  const all = [...sums.values()].slice(0, MOST);
  return all.toSorted((one, other) => (one.source < other.source ? -1 : 1));
}
