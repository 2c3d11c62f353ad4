import { formatBytes } from "../../amounts.ts";
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
}

/** Agents of one network (/24, /64), and the sources that they go to first. */
export interface NetworkUse {
  network: string;
  /** Those whose first source is over the link: the server, ActiveUpdate, or an entry that is no Update Agent. */
  far: number;
  /** Those whose first source is an Update Agent, by its URL. */
  near: ReadonlyMap<string, number>;
  /** Machines in it that could serve the others, in any order. */
  candidates: readonly Candidate[];
  /** Bytes that came over the link within a week, and the time (ms) that took. */
  farBytes: number;
  farMs: number;
}

/** A holder of the Update Agent role, and the use that the list makes of it. */
export interface HolderUse {
  id: string;
  name: string;
  /** Entries that lead to it. */
  entries: readonly number[];
  /** Agents that those are for. */
  near: number;
}

export interface Suggestion {
  /** The same for as long as there is reason for it. */
  id: string;
  kind: "add" | "split" | "remove";
  /** The one that becomes an Update Agent, or no longer is one. */
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
  const added = networks.flatMap(addition);
  const crowded = overloaded(networks, most);
  const split = networks.flatMap((network) => division(network, crowded, most));
  const removed = holders.filter(({ near }) => near === 0).map(removal);
  const known = new Set(added.map(({ network }) => network));
  const all = [...added, ...split.filter(({ network }) => !known.has(network)), ...removed];
  return all.toSorted((one, other) => other.saves - one.saves || (one.id < other.id ? -1 : 1));
}

/** An Update Agent for a network whose agents fetch over the link, each for itself. */
function addition({ network, far, candidates, farBytes, farMs }: NetworkUse): Suggestion[] {
  const best = bestOf(candidates);
  if (far < WORTH || farBytes === 0 || best === undefined) return [];
  const saves = Math.floor((farBytes * (far - 1)) / far);
  const rate = farMs === 0 ? "" : ` at ${formatBytes((farBytes * 1_000) / farMs)}/s`;
  const reason =
    `${far} agents of ${network} fetched ${formatBytes(farBytes)} over the link within a week${rate}; ` +
    `${aboutMachine(best)}: it would fetch for all of them once, and save ${formatBytes(saves)}`;
  return [suggestionOf("add", network, best, saves, reason)];
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
): Suggestion[] {
  const [url, own = 0] = [...near].find(([each]) => crowded.has(each)) ?? [];
  const others = candidates.filter((each) => each.url !== url);
  const best = bestOf(others);
  if (url === undefined || own < WORTH || best === undefined) return [];
  const reason =
    `${url} is the first source of ${crowded.get(url)} agents, and should be that of ${most}; ` +
    `${own} of them are in ${network}, and ${aboutMachine(best)}`;
  return [suggestionOf("split", network, best, 0, reason)];
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
  const key = network.replaceAll(/[.:]/g, "-").replace("/", "_");
  return { id: `${kind}_${key}`, kind, agent: { id, name }, network, entry, entries: [], saves, reason };
}

/** The machine that runs longest; of those that run for long, the one with the most space. */
function bestOf(candidates: readonly Candidate[]): Candidate | undefined {
  const steady = candidates.filter(({ uptime }) => uptime >= STEADY);
  const [best] = steady.toSorted(
    (one, other) =>
      Math.min(other.uptime, LONG) - Math.min(one.uptime, LONG) ||
      other.freeBytes - one.freeBytes ||
      (one.id < other.id ? -1 : 1),
  );
  return best;
}

function aboutMachine({ name, uptime, freeBytes }: Candidate): string {
  const days = Math.floor(uptime / STEADY);
  return `${name} has been up for ${days === 1 ? "a day" : `${days} days`} and has ${formatBytes(freeBytes)} free`;
}
