import { formatBytes } from "../../amounts.ts";
import type { AgentPath } from "../reports/agentPaths.ts";
import {
  CITY,
  distanceClass,
  isAtHand,
  isClearlyNearer,
  known,
  LINK,
  type MeasuredPath,
} from "./networkPaths.ts";
import type { SuggestedEntry } from "./suggestedEntry.ts";

/** A machine that could be an Update Agent. */
export interface Candidate {
  id: string;
  name: string;
  /** Free space on its disk, in bytes, and the time (ms) since it was started. */
  freeBytes: number;
  uptime: number;
  /** The URL at which it would serve. */
  url: string;
  /** Ways to sources that it measured itself. */
  paths?: ReadonlyMap<string, AgentPath>;
}

/** Agents of one network (/24, /64), and the sources that they go to first. */
export interface NetworkUse {
  network: string;
  /** Those whose first source is over the link: the server, ActiveUpdate, or an entry that is no Update Agent. */
  far: number;
  /** Of these, by the key of that source (`core/fleet/reports/agentPaths`). */
  farSources: ReadonlyMap<string, number>;
  /** Those whose first source is an Update Agent, by its URL. */
  near: ReadonlyMap<string, number>;
  /** Machines in it that could serve the others, in any order. */
  candidates: readonly Candidate[];
  /** Bytes that came over the link within a week, and the time (ms) that took. */
  farBytes: number;
  farMs: number;
  /** Bytes that came from Update Agents. */
  nearBytes: number;
  /** Ways from it to sources. */
  paths: ReadonlyMap<string, MeasuredPath>;
}

/** A holder of the Update Agent role, and the use that the list makes of it. */
export interface HolderUse {
  id: string;
  name: string;
  /** Entries that lead to it. */
  entries: readonly number[];
  /** Agents that those are for. */
  near: number;
  /** The entries without their ranges, once for each URL. */
  served?: readonly Omit<SuggestedEntry, "range">[];
}

export interface Suggestion {
  /** The same for as long as there is reason for it. */
  id: string;
  kind: "add" | "split" | "move" | "remove";
  /** The one that becomes an Update Agent, is one that a network moves to, or no longer is one. */
  agent: { id: string; name: string };
  /** The network that it would serve; null for one that goes. */
  network: string | null;
  /** The entry that the list would get. */
  entry: SuggestedEntry | null;
  /** Indices of the entries that it would lose. */
  entries: number[];
  /** Bytes of a week that would no longer come over the link. */
  saves: number;
  /** In a sentence, for people. */
  reason: string;
}

/** Agents in one network for which an Update Agent is worth its own transfers. */
const WORTH = 5;
/** Time (ms) that a machine has run before others should depend on it. */
const STEADY = 86_400_000;
/** A longer time up than this says no more about a machine. */
const LONG = 30 * STEADY;
/** Kinds that a new Update Agent is granted. */
const KINDS = ["components"] as const;

/**
 * Update Agents that a fleet should have and has not, or has and should not: what saves the most first. Nothing is
 * done by itself.
 *
 * @param most agents that one Update Agent should serve
 */
export function suggestionsFor(
  { networks, holders }: { networks: readonly NetworkUse[]; holders: readonly HolderUse[] },
  most: number,
): Suggestion[] {
  const crowded = overloaded(networks, most);
  const changed = networks.flatMap((network) => {
    const near = nearerHolder(network, holders, crowded);
    const own = [addition(network), division(network, crowded, most), departure(network)];
    // Another building's Update Agent is as good as one of its own only where it is next door.
    const all = near !== undefined && near.connectMs <= CITY ? [near.move, ...own] : [...own, near?.move];
    return all.find((each) => each !== undefined) ?? [];
  });
  const removed = holders.filter(({ near }) => near === 0).map(removal);
  // One that a network should move to will serve somebody.
  const needed = new Set(changed.flatMap(({ kind, agent }) => (kind === "move" ? [agent.id] : [])));
  const all = [...changed, ...removed.filter(({ agent }) => !needed.has(agent.id))];
  return all.toSorted((one, other) => other.saves - one.saves || (one.id < other.id ? -1 : 1));
}

/** An Update Agent for a network whose agents fetch over the link, each for itself. */
function addition(use: NetworkUse): Suggestion | undefined {
  const { network, far, farSources, candidates, farBytes, farMs, paths } = use;
  const [source] = mostUsed(farSources);
  const path = source === undefined ? undefined : known(paths.get(source));
  const best = bestOf(candidates, source);
  if (far < WORTH || farBytes === 0 || best === undefined || isAtHand(path)) return undefined;
  const saves = Math.floor((farBytes * (far - 1)) / far);
  const rate = farMs === 0 ? "" : ` at ${formatBytes((farBytes * 1_000) / farMs)}/s`;
  const away = path === undefined ? "" : `, ${path.connectMs} ms away`;
  const reason =
    `${far} agents of ${network} fetched ${formatBytes(farBytes)} over the link within a week${rate}${away}; ` +
    `${aboutMachine(best, candidates, source)}: it would fetch for all of them once, and save ${formatBytes(saves)}`;
  return suggestionOf("add", network, best, saves, reason);
}

/** An Update Agent that there is, for a network which goes farther than to it: by the connect times of its agents. */
function nearerHolder(
  use: NetworkUse,
  holders: readonly HolderUse[],
  crowded: ReadonlyMap<string, number>,
): { connectMs: number; move: Suggestion } | undefined {
  const { network, far, near, farSources, farBytes, nearBytes, paths } = use;
  const [present, agents = 0] = mostUsed(new Map([...farSources, ...near]));
  const path = present === undefined ? undefined : known(paths.get(present));
  if (present === undefined || path === undefined || agents < WORTH) return undefined;
  const ways = holders.flatMap((holder) =>
    (holder.served ?? []).flatMap((entry) => {
      const way = known(paths.get(entry.url));
      if (way === undefined || entry.url === present || crowded.has(entry.url)) return [];
      return isClearlyNearer(way, path) ? [{ holder, entry, way }] : [];
    }),
  );
  const [best] = ways.toSorted(
    (one, other) => one.way.connectMs - other.way.connectMs || (one.entry.url < other.entry.url ? -1 : 1),
  );
  if (best === undefined) return undefined;
  const { holder, entry, way } = best;
  const isFar = farSources.has(present);
  const [bytes, all] = isFar ? [farBytes, far] : [nearBytes, sumOf(near.values())];
  const saves = Math.floor((bytes * agents) / all);
  const reason =
    `${agents} agents of ${network} go to ${sourceWords(present)}, ${wayWords(path)}, by the connections of ${path.agents}; ` +
    `${holder.name}, an Update Agent already, is ${wayWords(way)}, by those of ${way.agents}: it would save the way ` +
    `${formatBytes(saves)} a week`;
  const move: Suggestion = {
    id: `move_${idOf(network)}`,
    kind: "move",
    agent: { id: holder.id, name: holder.name },
    network,
    entry: { ...entry, range: network, kinds: [...entry.kinds] },
    entries: [],
    saves,
    reason,
  };
  return { connectMs: way.connectMs, move };
}

/** An Update Agent of its own for a network whose present one is behind a link. */
function departure({ network, near, nearBytes, candidates, paths }: NetworkUse): Suggestion | undefined {
  const [url, agents = 0] = mostUsed(near);
  const path = url === undefined ? undefined : known(paths.get(url));
  const others = candidates.filter((each) => each.url !== url);
  const best = bestOf(others, url);
  if (url === undefined || path === undefined || path.connectMs < LINK) return undefined;
  if (agents < WORTH || best === undefined || nearBytes === 0) return undefined;
  const saves = Math.floor((((nearBytes * agents) / sumOf(near.values())) * (agents - 1)) / agents);
  const reason =
    `${agents} agents of ${network} go to ${url}, ${wayWords(path)}, by the connections of ${path.agents}; ` +
    `${aboutMachine(best, others, url)}: it would fetch for all of them once, and save ${formatBytes(saves)} a week`;
  return suggestionOf("split", network, best, saves, reason);
}

/** The source that most agents go to. */
function mostUsed(sources: ReadonlyMap<string, number>): [source?: string, agents?: number] {
  const [first = []] = [...sources].toSorted(
    ([one, many], [other, more]) => more - many || (one < other ? -1 : 1),
  );
  return first;
}

function sumOf(values: Iterable<number>): number {
  return [...values].reduce((sum, value) => sum + value, 0);
}

const WORDS: Record<string, string> = { server: "the server", "active-update": "ActiveUpdate" };

function sourceWords(source: string): string {
  return WORDS[source] ?? source;
}

function wayWords({ connectMs, rate }: Pick<MeasuredPath, "connectMs" | "rate">): string {
  return `${connectMs} ms away${rate === null ? "" : ` at ${formatBytes(rate)}/s`}`;
}

/** Update Agents that are the first source of more agents than they should be, by URL. */
function overloaded(networks: readonly NetworkUse[], most: number): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const { near } of networks) {
    for (const [url, agents] of near) sums.set(url, (sums.get(url) ?? 0) + agents);
  }
  return new Map([...sums].filter(([, agents]) => agents > most));
}

/** An Update Agent of its own for a network whose present one serves too many. */
function division(
  { network, near, candidates }: NetworkUse,
  crowded: ReadonlyMap<string, number>,
  most: number,
): Suggestion | undefined {
  const [url, own = 0] = [...near].find(([each]) => crowded.has(each)) ?? [];
  const others = candidates.filter((each) => each.url !== url);
  const best = bestOf(others, url);
  if (url === undefined || own < WORTH || best === undefined) return undefined;
  const reason =
    `${url} is the first source of ${crowded.get(url)} agents, and should be that of ${most}; ` +
    `${own} of them are in ${network}, and ${aboutMachine(best, others, url)}`;
  return suggestionOf("split", network, best, 0, reason);
}

function removal({ id, name, entries }: HolderUse): Suggestion {
  const why = entries.length === 0 ? "no entry leads to it" : "no agent is in the ranges of its entries";
  const reason = `${name} fetches all content as an Update Agent and serves nobody: ${why}`;
  return {
    id: `remove_${id}`,
    kind: "remove",
    agent: { id, name },
    network: null,
    entry: null,
    entries: [...entries],
    saves: 0,
    reason,
  };
}

function suggestionOf(
  kind: "add" | "split",
  network: string,
  { id, name, url }: Candidate,
  saves: number,
  reason: string,
): Suggestion {
  const entry = { range: network, name, url, kinds: [...KINDS] };
  return {
    id: `${kind}_${idOf(network)}`,
    kind,
    agent: { id, name },
    network,
    entry,
    entries: [],
    saves,
    reason,
  };
}

function idOf(network: string): string {
  return network.replaceAll(/[.:]/g, "-").replace("/", "_");
}

/**
 * The machine with the shortest way to the source that it would fetch from, as far as that is known; of those about as near,
 * the one that runs longest; of those that run for long, the one with the most space.
 */
function bestOf(candidates: readonly Candidate[], source: string | undefined): Candidate | undefined {
  const steady = candidates.filter(({ uptime }) => uptime >= STEADY);
  const farthest = distanceClass(Math.max(0, ...steady.map((each) => connectOf(each, source) ?? 0)));
  const classOf = (each: Candidate) => {
    const connectMs = connectOf(each, source);
    // One of which nothing is known is not preferred to any.
    return connectMs === undefined ? farthest : distanceClass(connectMs);
  };
  const [best] = steady.toSorted(
    (one, other) =>
      classOf(one) - classOf(other) ||
      Math.min(other.uptime, LONG) - Math.min(one.uptime, LONG) ||
      other.freeBytes - one.freeBytes ||
      (one.id < other.id ? -1 : 1),
  );
  return best;
}

function connectOf({ paths }: Candidate, source: string | undefined): number | undefined {
  return source === undefined ? undefined : (paths?.get(source)?.connectMs ?? undefined);
}

/** Reasons for a machine: also that its way is shorter than that of others which could serve. */
function aboutMachine(best: Candidate, candidates: readonly Candidate[], source: string | undefined): string {
  const { name, uptime, freeBytes } = best;
  const days = Math.floor(uptime / STEADY);
  const up = `${name} has been up for ${days === 1 ? "a day" : `${days} days`}`;
  const free = `has ${formatBytes(freeBytes)} free`;
  const own = connectOf(best, source);
  const farthest = Math.max(0, ...candidates.map((each) => connectOf(each, source) ?? 0));
  if (source === undefined || own === undefined || distanceClass(own) >= distanceClass(farthest))
    return `${up} and ${free}`;
  return `${up}, ${free} and is ${own} ms from ${sourceWords(source)}, others up to ${farthest} ms`;
}
