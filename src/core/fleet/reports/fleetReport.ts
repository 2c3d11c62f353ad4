import type { SourceListEntry } from "../../order/sourceList.ts";
import type { NetworkTraffic } from "./networkTraffic.ts";
import type { SourceTraffic } from "./reportTraffic.ts";

/** Sums that a report on a fleet is made of. */
export interface FleetSums {
  /** Entries of the list by the name of the source that they lead to; each name here is of one source. */
  entries: ReadonlyMap<string, readonly Pick<SourceListEntry, "rangeText">[]>;
  /** Names of the sources that are Update Agents: of the list, or of holders of the role. */
  updateAgents: ReadonlySet<string>;
  /** Agents by the source that their orders begin with; empty for those that have none. */
  planned: readonly { source: string; agents: number }[];
  traffic: readonly SourceTraffic[];
  networks: readonly NetworkTraffic[];
  /** By day: the time (ms) at which it began. */
  days: readonly (Omit<NetworkTraffic, "network"> & { day: number })[];
}

/** A source, and how its agents use it. */
export interface Line {
  source: string;
  kind: "server" | "active-update" | "update-agent" | "url";
  /** Ranges of its entries, as they are written. */
  ranges: string[];
  /** Agents whose orders begin with it. */
  agents: number;
  /** Agents that it should serve; null where nothing is known of that. */
  limit: number | null;
  /** An Update Agent that too many go to, few enough that it saves nothing, or nobody. */
  verdict: "overloaded" | "excessive" | "idle" | null;
  attempts: number;
  failed: number;
  /** Bytes that came from it. */
  bytes: number;
  /** Of these, the bytes that were thrown away: other ones than the signed. */
  wasted: number;
}

/** Bytes, as they came, and as they would have come. All but the first four are arithmetic (docs/report.md). */
export interface Bytes {
  /** All that came to agents. */
  bytes: number;
  /** Of these, the bytes that were thrown away: they cost a link, and delivered and saved nothing. */
  wasted: number;
  /** Of these, over the link: from the server, ActiveUpdate and entries that are no Update Agents. */
  far: number;
  /** Of these, from Update Agents. */
  near: number;
  /** Bytes that Update Agents fetched for that: each as much as one of its agents. */
  copies: number;
  /** Bytes that would have come over the link without Update Agents and deltas. */
  whole: number;
  saved: number;
}

export interface FleetReport {
  lines: Line[];
  /** Agents that no source is open to. */
  withoutSource: number;
  total: Bytes;
  days: (Omit<Bytes, "near"> & { day: number })[];
  networks: {
    network: string;
    runs: number;
    bytes: number;
    wasted: number;
    far: number;
    whole: number;
  }[];
  /** Networks beyond those that are named: those with the fewest bytes over the link. */
  moreNetworks: number;
}

/** An Update Agent for so few agents fetches more than they would. */
const FEW = 2;
const NAMED = 100;

/** The report on a fleet from sums, in which no agent is looked at. */
export function fleetReport(sums: FleetSums, limit: number): FleetReport {
  const lines = linesOf(sums, limit);
  const near = lines.filter(({ kind }) => kind === "update-agent");
  const relayed = sumOf(near, usedOf);
  const copies = Math.round(sumOf(near, (line) => usedOf(line) / Math.max(line.agents, 1)));
  const all = {
    bytes: sumOf(sums.days, ({ bytes }) => bytes),
    farBytes: sumOf(sums.days, ({ farBytes }) => farBytes),
    wholeBytes: sumOf(sums.days, ({ wholeBytes }) => wholeBytes),
    wastedBytes: sumOf(sums.days, ({ wastedBytes }) => wastedBytes),
    farWastedBytes: sumOf(sums.days, ({ farWastedBytes }) => farWastedBytes),
  };
  const share = relayed === 0 ? 0 : copies / relayed;
  const byLink = sums.networks.toSorted(
    (one, other) => other.farBytes - one.farBytes || (one.network < other.network ? -1 : 1),
  );
  return {
    lines,
    withoutSource: sums.planned.find(({ source }) => source === "")?.agents ?? 0,
    total: { ...withSaved(all, share), near: all.bytes - all.farBytes },
    days: sums.days.map((each) => ({ day: each.day, ...withSaved(each, share) })),
    networks: byLink.slice(0, NAMED).map(({ network, runs, ...of }) => {
      return {
        network,
        runs,
        bytes: of.bytes,
        wasted: of.wastedBytes,
        far: of.farBytes,
        whole: of.wholeBytes,
      };
    }),
    moreNetworks: Math.max(byLink.length - NAMED, 0),
  };
}

/** @param share of what Update Agents gave, the part that they had to fetch */
function withSaved(sum: Omit<NetworkTraffic, "network" | "runs" | "farMs">, share: number) {
  const { bytes, farBytes: far, wholeBytes: whole, wastedBytes: wasted, farWastedBytes } = sum;
  const copies = Math.round((bytes - far - (wasted - farWastedBytes)) * share);
  return { bytes, wasted, far, copies, whole, saved: Math.max(whole - far - copies, 0) };
}

/** The bytes of a source that were of use. */
function usedOf({ bytes, wasted }: Pick<Line, "bytes" | "wasted">): number {
  return bytes - wasted;
}

function linesOf({ entries, updateAgents, planned, traffic }: FleetSums, limit: number): Line[] {
  const agents = new Map(planned.map((each) => [each.source, each.agents]));
  const bytes = new Map(traffic.map((each) => [each.source, each]));
  const names = new Set([...entries.keys(), ...updateAgents, ...agents.keys(), ...bytes.keys()]);
  names.delete("");
  const lines = [...names].map((source): Line => {
    const kind = kindOf(source, updateAgents);
    const own = agents.get(source) ?? 0;
    const { attempts = 0, failed = 0, bytes: came = 0, wasted = 0 } = bytes.get(source) ?? {};
    return {
      source,
      kind,
      ranges: (entries.get(source) ?? []).map(({ rangeText }) => rangeText),
      agents: own,
      limit: kind === "update-agent" ? limit : null,
      verdict: kind === "update-agent" ? verdictOf(own, limit) : null,
      ...{ attempts, failed, bytes: came, wasted },
    };
  });
  return lines.toSorted(
    (one, other) =>
      other.agents - one.agents || other.bytes - one.bytes || (one.source < other.source ? -1 : 1),
  );
}

function kindOf(source: string, updateAgents: ReadonlySet<string>): Line["kind"] {
  if (source === "server") return "server";
  if (source === "ActiveUpdate") return "active-update";
  return updateAgents.has(source) ? "update-agent" : "url";
}

function verdictOf(agents: number, limit: number): Line["verdict"] {
  if (agents === 0) return "idle";
  if (agents <= FEW) return "excessive";
  return agents > limit ? "overloaded" : null;
}

function sumOf<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0);
}
