import { hostsOf } from "../../core/findings/fleetFacts.ts";
import { UpdateAgentPlaces } from "../../core/fleet/reports/updateAgentPlaces.ts";
import { pseudonymOf } from "../../store/state/identity.ts";
import { grantsOf, toFleetAgent, UPDATE_AGENTS } from "../settings/fleetSettings.ts";
import { findAgentsWhole } from "../store/fleet/agentStore.ts";
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
    const places = await updateAgentPlaces(db);
    this.#last = { version, readAt: now, places };
    return places;
  }
}

/** The Update Agents in force by where they are. */
export async function updateAgentPlaces(db: Db): Promise<UpdateAgentPlaces> {
  const grants = await grantsOf(db);
  const rows = await findAgentsWhole(db, [...grants.keys()]);
  const known = rows.map((row) => {
    const agent = toFleetAgent(row, grants);
    const { port, urls } = agent.self;
    return { id: row.id, hosts: hostsOf(agent), port, urls, pseudonym: pseudonymOf(row.id) };
  });
  return new UpdateAgentPlaces(known);
}
