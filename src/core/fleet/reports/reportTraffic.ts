import type { AgentReport } from "./reportSummary.ts";
import type { UpdateAgentPlaces } from "./updateAgentPlaces.ts";
import { wastedIn } from "./wastedBytes.ts";

/** Attempts at one source, summed up. */
export interface SourceTraffic {
  /** `server`, `ActiveUpdate`, a name of the list, or a URL; an Update Agent by its id (`UpdateAgentPlaces.keyOf`). */
  source: string;
  attempts: number;
  /** Those that failed. */
  failed: number;
  /** Bytes that came from it. */
  bytes: number;
  /** Of these, the bytes that were thrown away. */
  wasted: number;
}

/** Longest name of a source that is kept, and how many of one report: what agents say is not believed to be short. */
const LONGEST = 200;
const MOST = 64;
/** Bytes that one report adds to a source at most: sums of them stay numbers, whatever agents say. */
const MOST_BYTES = 1e12;

/** The attempts of a run by source. */
function trafficOf({ report }: AgentReport, places: UpdateAgentPlaces): SourceTraffic[] {
  const sums = new Map<string, SourceTraffic>();
  for (const attempt of report?.attempts ?? []) {
    const source = places.keyOf(attempt).slice(0, LONGEST);
    const sum = sums.get(source) ?? noneOf(source);
    sums.set(source, sum);
    sum.attempts++;
    if (attempt.outcome === "failed") sum.failed++;
    sum.bytes = Math.min(sum.bytes + (attempt.bytes ?? 0), MOST_BYTES);
    sum.wasted = Math.min(sum.wasted + wastedIn(attempt), MOST_BYTES);
  }
  return [...sums.values()].slice(0, MOST);
}

/** Nothing yet of a source. */
export function noneOf(source: string): SourceTraffic {
  return { source, attempts: 0, failed: 0, bytes: 0, wasted: 0 };
}

/** Adds attempts to a sum, in place. */
export function addAttempts(sum: SourceTraffic, { attempts, failed, bytes, wasted }: SourceTraffic): void {
  sum.attempts += attempts;
  sum.failed += failed;
  sum.bytes += bytes;
  sum.wasted += wasted;
}

/** The attempts of many runs, by name: sorted, so that servers that add to the same rows wait in one order. */
export function trafficOfAll(reports: readonly AgentReport[], places: UpdateAgentPlaces): SourceTraffic[] {
  const sums = new Map<string, SourceTraffic>();
  for (const each of reports.flatMap((each) => trafficOf(each, places))) {
    const sum = sums.get(each.source) ?? noneOf(each.source);
    sums.set(each.source, sum);
    addAttempts(sum, each);
  }
  return [...sums.values()].toSorted((one, other) => (one.source < other.source ? -1 : 1));
}
