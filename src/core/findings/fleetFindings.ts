import { amountOf, formatBytes } from "../amounts.ts";
import { momentInWords } from "../fleet/deviation.ts";
import type { FleetUse } from "../fleet/fleetUse.ts";
import { isTelling, rejectedInWords } from "../fleet/reports/rejections.ts";
import { nameOf } from "../fleet/sourceName.ts";
import type { SourceList, SourceListEntry } from "../order/sourceList.ts";
import { type Finding, findingOf, sortFindings } from "./findingCodes.ts";
import { type FleetFacts, type ServingAgent, servingByEntry } from "./fleetFacts.ts";
import { relayChains } from "./relayChains.ts";

/**
 * Agents that one Update Agent should serve at most: each of its 250 transfers at once (`relay.maxTransfers`), for four
 * agents that come one after the other.
 */
export const AGENTS_OF_ONE = 1_000;
/** An Update Agent for so few fetches more than they would. */
const FEW = 2;
/** Free space (bytes) that an Update Agent needs in any case. */
export const LEAST_FREE = 300_000_000;
/** Attempts within a day of which a share is believed. */
const TELLING = 5;

/** Findings of a valid list and a fleet, from the pass that adds up the fleet's orders. */
export function fleetFindings(list: SourceList, use: FleetUse, facts: FleetFacts): Finding[] {
  const ofFleet = [...unservedFindings(use), ...rejectedFindings(list, facts)];
  if (list.mode === "standard") return ofFleet;
  const led = servingByEntry(list, facts.serving);
  const ofEntries = list.entries.flatMap((entry, index) => {
    const found = entryFindings({ entry, agents: led[index] ?? [], use, index }, facts);
    return found.map((each) => ({ ...each, entry: index }));
  });
  const all = [
    ...ofFleet,
    ...ofEntries,
    ...idleFindings(led, facts),
    ...excessiveFindings(list, use, led),
    ...chainFindings(use, led),
  ];
  return sortFindings(all);
}

function unservedFindings({ unmatched, uncovered, agents }: FleetUse): Finding[] {
  const of = (count: number) => `${count} of ${amountOf(agents, "agent")}`;
  const lacking = [...uncovered].map(
    ([kind, count]) => `${of(count)} ${count === 1 ? "has" : "have"} no source for ${kind}`,
  );
  return [
    ...(unmatched > 0 ? [findingOf("AGENTS_UNMATCHED", `no entry is for ${of(unmatched)}`)] : []),
    ...(lacking.length > 0 ? [findingOf("AGENTS_WITHOUT_SOURCE", lacking.join("; "))] : []),
  ];
}

/** Sources that lie, each at the first entry that leads there; the server and ActiveUpdate of the list as a whole. */
function rejectedFindings({ mode, entries }: SourceList, { rejected }: FleetFacts): Finding[] {
  return rejected.filter(isTelling).flatMap((each) => {
    const isEntry = each.source !== "server" && each.source !== "ActiveUpdate";
    const index = entries.findIndex(({ url }) => url === each.source);
    const entry = entries[index];
    if (isEntry && (entry === undefined || mode === "standard")) return [];
    const message = rejectedInWords(entry === undefined ? each.source : nameOf(entry), each);
    return [findingOf("SOURCE_REJECTED", message, entry === undefined ? {} : { entry: index, field: "url" })];
  });
}

interface Led {
  entry: SourceListEntry;
  index: number;
  /** The agents that it leads to. */
  agents: ServingAgent[];
  use: FleetUse;
}

function entryFindings(led: Led, facts: FleetFacts): Finding[] {
  const { entry, index, agents, use } = led;
  const findings: Finding[] = [];
  const near = use.entries[index]?.near ?? 0;
  if (use.agents > 0 && near === 0) {
    findings.push(findingOf("RANGE_EMPTY", `no agent is in ${entry.rangeText}`, { field: "range" }));
  }
  if (near > 0 && use.users[index] === 0) {
    const [those, go] =
      near === 1 ? ["the only agent", "does not go"] : [`none of the ${near} agents`, "goes"];
    const message = `${those} in ${entry.rangeText} ${go} to ${nameOf(entry)}`;
    findings.push(findingOf("ENTRY_SERVES_NOBODY", message, { field: "range" }));
  }
  const source = facts.called(entry);
  const tried = use.placeOfEntry(index).isFirst ? facts.attempts.get(source) : undefined;
  if (tried !== undefined && tried.attempts >= TELLING && tried.failed * 2 >= tried.attempts) {
    const message = `${tried.failed} of ${tried.attempts} attempts at ${source} failed within a day`;
    findings.push(findingOf("SOURCE_FAILING", message, { field: "url" }));
  }
  if (agents.length === 0) {
    if (entry.name === undefined) return findings;
    const message = `no agent is called ${entry.name}, or is at ${entry.url}`;
    return [...findings, findingOf("UPDATE_AGENT_UNKNOWN", message, { field: "url" })];
  }
  // Of several machines behind one name, what one of them does not do another may.
  const failing = agents.map((agent) => servingFindings(agent, led, facts));
  const fewest = failing.reduce((least, each) => (each.length < least.length ? each : least));
  return [...findings, ...fewest, ...loadFindings(led, source)];
}

function servingFindings(agent: ServingAgent, { entry }: Led, { contentBytes }: FleetFacts): Finding[] {
  const { name, granted, state, reportedAt, freeBytes } = agent;
  if (granted.length === 0) {
    return [findingOf("UPDATE_AGENT_WITHOUT_ROLE", `${name} is no Update Agent`, { field: "url" })];
  }
  const findings: Finding[] = [];
  const lacking = entry.kinds.filter((kind) => !granted.includes(kind));
  if (lacking.length > 0) {
    const message = `${name} was not granted ${lacking.join(", ")}`;
    findings.push(findingOf("UPDATE_AGENT_WITHOUT_KINDS", message, { field: "kinds" }));
  }
  if (state === "late" || state === "never") {
    const message =
      reportedAt === null
        ? `${name} has not reported yet`
        : `${name} reported last on ${momentInWords(reportedAt)}`;
    findings.push(findingOf("UPDATE_AGENT_SILENT", message));
  }
  const needed = Math.max(LEAST_FREE, contentBytes ?? 0);
  if (freeBytes !== null && freeBytes < needed) {
    const message = `${name} has ${formatBytes(freeBytes)} free, and the content may take ${formatBytes(needed)}`;
    findings.push(findingOf("UPDATE_AGENT_DISK", message));
  }
  return findings;
}

/** Findings by the agents that go first to one source; at the first entry that leads there. */
function loadFindings({ index, use }: Led, source: string): Finding[] {
  const { place, isFirst } = use.placeOfEntry(index);
  const agents = use.agentsOf.get(place) ?? 0;
  if (!isFirst) return [];
  if (agents > AGENTS_OF_ONE) {
    const message = `${source} is the first source of ${agents} agents, and should serve ${AGENTS_OF_ONE}`;
    return [findingOf("UPDATE_AGENT_OVERLOADED", message, { field: "range" })];
  }
  if (agents === 0 || agents > FEW) return [];
  const message = `${source} is the first source of ${amountOf(agents, "agent")}`;
  return [findingOf("UPDATE_AGENT_FOR_FEW", message, { field: "range" })];
}

/** Holders of the role that no entry leads to. */
function idleFindings(led: readonly ServingAgent[][], { serving }: FleetFacts): Finding[] {
  const named = new Set(led.flat().map(({ id }) => id));
  const idle = serving.filter(({ id, granted }) => granted.length > 0 && !named.has(id));
  return idle.map(({ name }) => findingOf("UPDATE_AGENT_IDLE", `no entry leads to the Update Agent ${name}`));
}

/** Ranges with more Update Agents than their agents need, and one to spare; at the last entry of each. */
function excessiveFindings(list: SourceList, use: FleetUse, led: readonly ServingAgent[][]): Finding[] {
  const places = [...list.entries.keys()].filter(
    (index) => list.entries[index]?.name !== undefined || (led[index] ?? []).length > 0,
  );
  const ranges = Map.groupBy(places, (index) => {
    const { range } = list.entries[index] as SourceListEntry;
    return `${range.family}.${range.first}-${range.last}`;
  });
  return [...ranges.values()].flatMap((indices) => {
    const machines = new Set(indices.map((index) => use.placeOfEntry(index).place));
    const near = Math.max(...indices.map((index) => use.entries[index]?.near ?? 0));
    const needed = Math.ceil(near / AGENTS_OF_ONE) + 1;
    const entry = indices.at(-1);
    if (near === 0 || machines.size <= needed || entry === undefined) return [];
    const message = `${machines.size} Update Agents are for ${near === 1 ? "the only agent" : `the ${near} agents`} in ${list.entries[entry]?.rangeText}, and ${needed} would do`;
    return [findingOf("UPDATE_AGENTS_EXCESSIVE", message, { entry, field: "range" })];
  });
}

/** Loops and long chains among Update Agents, each at the entry by which one of them is led on. */
function chainFindings(use: FleetUse, led: readonly ServingAgent[][]): Finding[] {
  const upstream = new Map<string, string>();
  const by = new Map<string, number>();
  const names = new Map(led.flat().map(({ id, name }) => [id, name]));
  for (const [id, [entry]] of use.upstreams) {
    const source = entry === undefined ? undefined : led[entry]?.find((each) => each.id !== id);
    if (entry === undefined || source === undefined || !names.has(id)) continue;
    upstream.set(id, source.id);
    by.set(id, entry);
  }
  const { loops, long } = relayChains(upstream);
  const say = (path: string[]) => path.map((id) => names.get(id) ?? id).join(", ");
  return [
    ...loops.map((loop) => {
      const message = `${say([...loop, loop[0] ?? ""])}: each is the first source of the one before`;
      return findingOf("UPDATE_AGENTS_LOOP", message, {
        entry: by.get(loop[0] ?? "") ?? null,
        field: "range",
      });
    }),
    ...long.map((path) => {
      const message = `${say(path.slice(0, 1))} gets its content through ${path.length - 1} others: ${say(path.slice(1))}`;
      return findingOf("UPDATE_AGENTS_CHAIN", message, {
        entry: by.get(path[0] ?? "") ?? null,
        field: "range",
      });
    }),
  ];
}
