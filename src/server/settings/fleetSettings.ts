import { AGENT_PORT } from "../../config/configPath.ts";
import { KINDS } from "../../core/content/kind.ts";
import type { FleetAgent, FleetSettings } from "../../core/fleet/fleetAgent.ts";
import { type Address, parseAddress } from "../../core/order/address.ts";
import { canonicalName, namesOfHost } from "../../core/order/hostNames.ts";
import { parseSourceList, type SourceList, STANDARD_SOURCE } from "../../core/order/sourceList.ts";
import { DEFAULT_POLICY, type Policy, parsePolicy, parseUpdateAgents } from "../../core/settings/policy.ts";
import { machineName } from "../../dns/machine.ts";
import type { Context } from "../context.ts";
import type { ServerConfig } from "../serverConfig.ts";
import type { Orderable } from "../store/fleet/agentStore.ts";
import { agentsOfFleet } from "../store/fleet/wholeFleet.ts";
import { newestDocument } from "../store/settings/documentStore.ts";
import type { Db } from "../store/transaction.ts";

/** The document of the source list, and those of grants and policies. */
export const SOURCE_LIST = "source-list";
export const UPDATE_AGENTS = "update-agents";
export const policyOf = (domain: string) => `policies/${domain}`;

/** Settings that all agents go by at this moment. */
export async function settingsOfFleet({
  config,
  database: { db },
}: Pick<Context, "config" | "database">): Promise<FleetSettings> {
  const policies = await policiesInForce(db);
  return {
    list: await listInForce(db),
    policyOf: (domain) => policies.get(domain) ?? DEFAULT_POLICY,
    server: config.publicUrl ?? ownUrl(config),
    activeUpdate: config.activeUpdate,
    kinds: [...KINDS],
  };
}

/** A name for the server where nobody has said what it is called: that of the machine. */
function ownUrl({ agents: { port, tls } }: ServerConfig): string {
  return `${tls === undefined ? "http" : "https"}://${machineName() ?? "localhost"}:${port}`;
}

/** The policy of each domain. */
export async function policiesInForce(db: Db): Promise<Map<string, Policy>> {
  const policies = new Map<string, Policy>();
  for (const { name } of await db.selectFrom("domains").select("name").execute()) {
    policies.set(name, (await parsed(db, policyOf(name), parsePolicy)) ?? DEFAULT_POLICY);
  }
  return policies;
}

export async function listInForce(db: Db): Promise<SourceList> {
  const content = (await newestDocument(db, SOURCE_LIST))?.content;
  if (content === undefined) return STANDARD_SOURCE;
  if (lastParsed?.content !== content) lastParsed = { content, list: parseSourceList(JSON.parse(content)) };
  return lastParsed.list;
}

/** The list that was read last: a long one takes a while, and it is asked for all the time. */
let lastParsed: { content: string; list: SourceList } | undefined;

async function parsed<Document>(
  db: Db,
  name: string,
  parse: (value: unknown) => Document,
): Promise<Document | undefined> {
  const found = await newestDocument(db, name);
  return found && parse(JSON.parse(found.content));
}

/** Ids of the agents that hold the Update Agent role, each with the kinds it was granted. */
export async function grantsOf(db: Db): Promise<Map<string, string[]>> {
  const { agents } = (await parsed(db, UPDATE_AGENTS, parseUpdateAgents)) ?? { agents: [] };
  return new Map(agents.map(({ id, kinds }) => [id, kinds]));
}

/** All agents that are not retired, as far as their orders depend on them. */
export async function fleetOf(db: Db): Promise<FleetAgent[]> {
  const grants = await grantsOf(db);
  const fleet: FleetAgent[] = [];
  for await (const some of agentsOfFleet(db)) {
    for (const agent of some) fleet.push(toFleetAgent(agent, grants));
  }
  return fleet;
}

export function toFleetAgent(
  { id, name, domain, addresses, dnsSuffixes, port, hostNames, urls }: Orderable,
  grants: ReadonlyMap<string, unknown>,
): FleetAgent {
  const suffixes = dnsSuffixes.map(canonicalName);
  return {
    id,
    addresses: addresses.flatMap(readAddress),
    dnsSuffixes: suffixes,
    // As the agent itself knows itself (`ownSelf`), at the port that it said: one that listens at none is no source.
    self: {
      names: [...new Set([...hostNames.map(canonicalName), ...namesOfHost(name.toLowerCase(), suffixes)])],
      port: port ?? AGENT_PORT,
      ...(urls.length === 0 ? {} : { urls }),
    },
    domain,
    role: grants.has(id) ? "update-agent" : "agent",
  };
}

/** Address that an agent reported; text that is none counts for nothing. */
function readAddress(text: string): Address[] {
  try {
    return [parseAddress(text)];
  } catch {
    return [];
  }
}
