import { parseAddress } from "../../order/address.ts";
import { networkOf } from "../network.ts";
import type { AgentReport, ReportedAttempt } from "./reportSummary.ts";
import type { UpdateAgentPlaces } from "./updateAgentPlaces.ts";
import { wastedIn } from "./wastedBytes.ts";

/** Bytes that came to one network in a run, or in all of a day's. */
export interface NetworkTraffic {
  /** A /24 of IPv4, a /64 of IPv6. */
  network: string;
  runs: number;
  /** All that came. */
  bytes: number;
  /** Those that came over the link: from the server, ActiveUpdate, and entries that are no Update Agents. */
  farBytes: number;
  /** Time (ms) in which those came. */
  farMs: number;
  /** Bytes that would have come over the link without Update Agents and deltas. */
  wholeBytes: number;
  /** Of all that came, and of what came over the link, the bytes that were thrown away: they saved nobody anything. */
  wastedBytes: number;
  farWastedBytes: number;
}

/** The bytes of many runs, by network: sorted, so that servers that add to the same rows wait in one order. */
export function networkTrafficOfAll(
  reports: readonly AgentReport[],
  places: UpdateAgentPlaces,
): NetworkTraffic[] {
  const sums = new Map<string, NetworkTraffic>();
  for (const each of reports) {
    const one = networkTrafficOf(each, places);
    if (one === undefined) continue;
    const sum = sums.get(one.network);
    sums.set(one.network, sum === undefined ? one : added(sum, one));
  }
  return [...sums.values()].toSorted((one, other) => (one.network < other.network ? -1 : 1));
}

function added(one: NetworkTraffic, other: NetworkTraffic): NetworkTraffic {
  return {
    network: one.network,
    runs: one.runs + other.runs,
    bytes: one.bytes + other.bytes,
    farBytes: one.farBytes + other.farBytes,
    farMs: one.farMs + other.farMs,
    wholeBytes: one.wholeBytes + other.wholeBytes,
    wastedBytes: one.wastedBytes + other.wastedBytes,
    farWastedBytes: one.farWastedBytes + other.farWastedBytes,
  };
}

/** The bytes of a run, for the network of its first address; undefined for a run without one, or that asked nobody. */
function networkTrafficOf({ report }: AgentReport, places: UpdateAgentPlaces): NetworkTraffic | undefined {
  const [text] = report?.addresses ?? [];
  const network = text === undefined ? undefined : readNetwork(text);
  const attempts = report?.attempts ?? [];
  if (network === undefined || attempts.length === 0) return undefined;
  const brought = attempts.filter(({ bytes = 0 }) => bytes > 0);
  const far = brought.filter((each) => isFar(each, places));
  const bytes = sum(brought.map((each) => each.bytes));
  const wastedBytes = sum(brought.map(wastedIn));
  const changed = report?.installed ?? [];
  // A transfer of which nothing is known beside its bytes would have been no smaller.
  const saved = sum(changed.map(({ whole, bytes: came = 0 }) => Math.max((whole ?? came) - came, 0)));
  return {
    network,
    runs: 1,
    bytes,
    farBytes: sum(far.map((each) => each.bytes)),
    farMs: sum(far.map(({ transferMs, ms }) => transferMs ?? ms)),
    wholeBytes: Math.min(bytes - wastedBytes + saved, MOST),
    wastedBytes,
    farWastedBytes: sum(far.map(wastedIn)),
  };
}

/** Whether a source is not near the agent: only Update Agents are, whatever a list calls its entries. */
function isFar(attempt: ReportedAttempt, places: UpdateAgentPlaces): boolean {
  return attempt.rule !== undefined && !places.of(attempt).isOne;
}

/** Bytes and milliseconds that one report adds at most: many add up within what databases keep. */
const MOST = 1e12;

function sum(values: readonly (number | undefined)[]): number {
  return Math.min(
    values.reduce<number>((total, value = 0) => total + value, 0),
    MOST,
  );
}

function readNetwork(text: string): string | undefined {
  try {
    return networkOf(parseAddress(text));
  } catch {
    return undefined;
  }
}
