import { AGENT_PORT } from "../../config/configPath.ts";
import { servingByEntry } from "../../core/findings/fleetFacts.ts";
import { AGENTS_OF_ONE, LEAST_FREE } from "../../core/findings/fleetFindings.ts";
import { useOfList } from "../../core/fleet/effect.ts";
import type { FleetAgent, FleetSettings } from "../../core/fleet/fleetAgent.ts";
import type { AgentPath } from "../../core/fleet/reports/agentPaths.ts";
import { networkUses } from "../../core/fleet/suggest/networkUses.ts";
import {
  type Candidate,
  type HolderUse,
  type Suggestion,
  suggestionsFor,
} from "../../core/fleet/suggest/suggestions.ts";
import { canonicalName, isHostName } from "../../core/order/hostNames.ts";
import type { Context } from "../context.ts";
import { knownSources } from "../fleet/knownUpdateAgents.ts";
import { type SteadyAgent, steadyAgents } from "../store/fleet/agentStore.ts";
import { trafficByNetwork } from "../store/fleet/networkStore.ts";
import { pathsOfFleet } from "../store/fleet/wholeFleet.ts";
import type { Db } from "../store/transaction.ts";
import { factsOf } from "./checkWithFleet.ts";
import type { SuggestQuestion } from "./fleetQuestion.ts";

const DAY = 86_400_000;
/** Days of traffic that are looked at, and days within which a machine has reported that others should depend on. */
const WEEK = 7;
const HEARD = 2;

/** Suggestions of the whole fleet as it is, those that were dismissed too. */
export async function suggest(
  context: Pick<Context, "config" | "database">,
  fleet: readonly FleetAgent[],
  settings: FleetSettings,
  { contentBytes, now }: SuggestQuestion,
): Promise<Suggestion[]> {
  const { db } = context.database;
  const { list } = settings;
  const known = await knownSources(db, list.entries);
  const { serving } = await factsOf(context, { fleet, list, known, contentBytes, now });
  const led = servingByEntry(list, serving);
  const use = useOfList(fleet, settings, (url) => known.places.placeOf(url));
  const least = { freeBytes: Math.max(LEAST_FREE, contentBytes ?? 0), reportedSince: now - HEARD * DAY };
  const steady = await steadyAgents(db, least);
  const today = now - (now % DAY);
  const traffic = await trafficByNetwork(db, { from: today - (WEEK - 1) * DAY, to: now + 1 });
  const networks = networkUses(fleet, settings, {
    servingEntries: new Set(led.flatMap((agents, index) => (agents.length > 0 ? [index] : []))),
    candidates: new Map(steady.filter(hasHostName).map((agent) => [agent.id, candidateOf(agent)])),
    traffic: new Map(traffic.map((each) => [each.network, each])),
    paths: await measuredPaths(db),
  });
  const holders = serving
    .filter(({ granted }) => granted.length > 0)
    .map(({ id, name, granted }): HolderUse => {
      const entries = [...led.keys()].filter((index) => led[index]?.some((agent) => agent.id === id));
      // Two entries that lead to it may be for the same agents.
      const places = new Set(entries.map((index) => use.placeOfEntry(index).place));
      const near = [...places].reduce((sum, place) => sum + (use.nearOf.get(place) ?? 0), 0);
      const urls = Map.groupBy(
        entries.flatMap((index) => list.entries[index] ?? []),
        ({ url }) => url,
      );
      const served = [...urls].map(([url, all]) => {
        return { url, name: all[0]?.name ?? name, kinds: all[0]?.kinds ?? [...granted] };
      });
      return { id, name, entries, near, served };
    });
  return suggestionsFor({ networks, holders }, AGENTS_OF_ONE);
}

/** Ways that agents measured, by agent. */
async function measuredPaths(db: Db): Promise<Map<string, AgentPath[]>> {
  const all = new Map<string, AgentPath[]>();
  for await (const some of pathsOfFleet(db)) for (const { id, paths } of some) all.set(id, paths);
  return all;
}

/** Whether others could find it by its name: agents may call themselves anything. */
function hasHostName({ name }: SteadyAgent): boolean {
  const own = canonicalName(name);
  return isHostName(own) && own !== "localhost" && !own.endsWith(".localhost");
}

/** By its host name, which survives a change of address. */
function candidateOf({ dnsSuffixes, ...agent }: SteadyAgent): Candidate {
  const [suffix] = dnsSuffixes;
  const host = agent.name.includes(".") || suffix === undefined ? agent.name : `${agent.name}.${suffix}`;
  return { ...agent, url: `http://${host.toLowerCase()}:${AGENT_PORT}` };
}
