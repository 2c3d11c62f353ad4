import { hostsOf } from "../../core/findings/fleetFacts.ts";
import { SourceNames } from "../../core/fleet/reports/sourceNames.ts";
import { UpdateAgentPlaces } from "../../core/fleet/reports/updateAgentPlaces.ts";
import type { SourceListEntry } from "../../core/order/sourceList.ts";
import { pseudonymOf } from "../../store/state/identity.ts";
import { grantsOf, toFleetAgent, UPDATE_AGENTS } from "../settings/fleetSettings.ts";
import { type Agent, findAgents, findAgentsWhole } from "../store/fleet/agentStore.ts";
import { newestVersion } from "../store/settings/documentStore.ts";
import type { Db } from "../store/transaction.ts";

/** Time (ms) after which the names and addresses of the Update Agents are read again. */
const LASTING = 60_000;

/** The Update Agents in force by where they are, read again where roles were granted or taken, and now and then. */
export class KnownUpdateAgents {
  #last: { version: number; readAt: number; places: UpdateAgentPlaces } | undefined;

  async places(db: Db, now: number): Promise<UpdateAgentPlaces> {
    const version = await newestVersion(db, UPDATE_AGENTS);
    const last = this.#last;
    if (last?.version === version && Math.abs(now - last.readAt) < LASTING) return last.places;
    const { places } = await updateAgentPlaces(db);
    this.#last = { version, readAt: now, places };
    return places;
  }
}

/** Sources of lists by where they are, with a name for each. */
export interface KnownSources {
  places: UpdateAgentPlaces;
  names: SourceNames;
}

/**
 * The sources that entries lead to: two entries may lead to one Update Agent.
 *
 * @param others ids of agents that were Update Agents, and are to be named all the same
 */
export async function knownSources(
  db: Db,
  entries: Iterable<Pick<SourceListEntry, "name" | "url">>,
  others: readonly string[] = [],
): Promise<KnownSources> {
  const { places, holders } = await updateAgentPlaces(db);
  const names = new Map(holders.map(({ id, name }) => [id, name]));
  const gone = others.filter((id) => !names.has(id));
  for (const { id, name } of await findAgents(db, [...new Set(gone)])) names.set(id, name);
  return { places, names: new SourceNames(places, entries, names) };
}

/** The Update Agents in force, and where they are. */
async function updateAgentPlaces(db: Db): Promise<{ places: UpdateAgentPlaces; holders: Agent[] }> {
  const grants = await grantsOf(db);
  const holders = await findAgentsWhole(db, [...grants.keys()]);
  const known = holders.map((row) => {
    const agent = toFleetAgent(row, grants);
    const { port, urls } = agent.self;
    return { id: row.id, hosts: hostsOf(agent), port, urls, pseudonym: pseudonymOf(row.id) };
  });
  return { places: new UpdateAgentPlaces(known), holders };
}
