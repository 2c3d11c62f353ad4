import { type Fault as DocumentFault, findFaults, placeOf } from "../../core/document.ts";
import type { Finding } from "../../core/findings/findingCodes.ts";
import { listFindings } from "../../core/findings/listFindings.ts";
import type { FleetEffect } from "../../core/fleet/effect.ts";
import { type FleetAgent, orderOfAgent } from "../../core/fleet/fleetAgent.ts";
import { type NamedSource, nameOf } from "../../core/fleet/sourceName.ts";
import { type Address, parseAddress } from "../../core/order/address.ts";
import { canonicalName } from "../../core/order/hostNames.ts";
import type { UpdateOrder } from "../../core/order/plan.ts";
import { type SourceListEntry, withRequires } from "../../core/order/sourceList.ts";
import { policySchema } from "../../core/settings/policy.ts";
import { type Fault, Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { type KnownSources, knownSources } from "../fleet/knownUpdateAgents.ts";
import { grantsOf, settingsOfFleet, toFleetAgent } from "../settings/fleetSettings.ts";
import { findAgent } from "../store/fleet/agentStore.ts";
import { changed } from "./fleetChange.ts";
import { askFleet } from "./fleetProcess.ts";
import type { FleetChange } from "./fleetQuestion.ts";

/** Supposed changes; the rest is as it is. */
export interface Supposition {
  list?: Record<string, unknown> | undefined;
  policy?: { domains: string[]; settings: Record<string, unknown> } | undefined;
  /** Sources that are taken for dead, by whatever entry they are reached: by name, URL, `server` or `ActiveUpdate`. */
  without?: string[] | undefined;
  /** The one whose order is asked for: an agent by id, or any machine at an address. */
  agent?: string | undefined;
  address?: string | undefined;
  /** Of the machine at that address. */
  domain?: string | undefined;
  dnsSuffixes?: string[] | undefined;
}

/** Consequences: the order of one, or the effect on all. */
export interface WouldBe {
  findings: Finding[];
  order: UpdateOrder | null;
  effect: FleetEffect | null;
}

/**
 * Says what would be. Nothing changes.
 *
 * @throws Problem REFUSED for a policy, an address or a source that there cannot be, NOT_FOUND, UNAVAILABLE
 */
export async function whatIf(context: Context, given: Supposition): Promise<WouldBe> {
  const findings = given.list === undefined ? [] : listFindings(withRequires(given.list));
  if (findings.some(({ level }) => level === "error")) return { findings, order: null, effect: null };
  if (given.agent !== undefined && given.address !== undefined) {
    throw new Problem("REFUSED", "either an agent is asked for, or an address");
  }
  const settings = await settingsOfFleet(context);
  const change = changeOf(given);
  const after = changed(settings, change);
  if (given.without !== undefined) {
    const entries = [...settings.list.entries, ...after.list.entries];
    const known = await knownSources(context.database.db, entries);
    const sources = sourcesOf(entries, settings);
    change.without = given.without.flatMap((name, index) => urlsOf(name, index, sources, known));
  }
  const asked = await askedAgent(context, given);
  if (asked === undefined) {
    return { findings, order: null, effect: await askFleet(context, { effectOf: change }) };
  }
  const order = orderOfAgent(asked, after);
  const dead = new Set(change.without);
  return {
    findings,
    order: { ...order, steps: order.steps.filter(({ url }) => !dead.has(url)) },
    effect: null,
  };
}

function changeOf({ list, policy }: Supposition): FleetChange {
  if (policy === undefined) return { list };
  const errors = findFaults(policySchema, policy.settings).map(policyFault);
  if (errors.length > 0) throw new Problem("REFUSED", "agents would refuse this policy", { errors });
  return { list, policies: Object.fromEntries(policy.domains.map((each) => [each, policy.settings])) };
}

function policyFault({ path, error }: DocumentFault): Fault {
  return { field: placeOf(["policy", "settings", ...path]), message: error.message };
}

/** All sources that orders may have. */
function sourcesOf(
  entries: SourceListEntry[],
  { server, activeUpdate }: { server: string | undefined; activeUpdate: string | undefined },
): NamedSource[] {
  return [
    ...(server === undefined ? [] : [{ rule: "server", url: server }]),
    ...(activeUpdate === undefined ? [] : [{ rule: "active-update", url: activeUpdate }]),
    ...entries.map(({ name, url }) => ({ rule: "custom", name, url })),
  ];
}

/** The base URLs of a source as people call it: of an Update Agent those of all entries that lead to it. */
function urlsOf(
  given: string,
  index: number,
  sources: readonly NamedSource[],
  { places, names }: KnownSources,
): string[] {
  const own = sources.filter((source) => names.of(source) === given);
  const meant =
    own.length > 0 ? own : sources.filter((source) => source.url === given || nameOf(source) === given);
  if (meant.length > 0) {
    const dead = new Set(meant.map(({ url }) => places.placeOf(url)));
    return [...new Set(sources.map(({ url }) => url))].filter((url) => dead.has(places.placeOf(url)));
  }
  const errors = [{ field: `without[${index}]`, message: "is no source of the list" }];
  throw new Problem("REFUSED", `there is no source ${given}: name one of the list's by its name or URL`, {
    errors,
  });
}

async function askedAgent(
  { database: { db } }: Context,
  { agent, address, domain = "default", dnsSuffixes = [] }: Supposition,
): Promise<FleetAgent | undefined> {
  if (agent !== undefined) {
    const found = await findAgent(db, agent);
    if (found === undefined) throw new Problem("NOT_FOUND", "no agent has this id");
    return toFleetAgent(found, await grantsOf(db));
  }
  if (address === undefined) return undefined;
  const self = { names: [], port: 0 };
  return {
    id: "",
    addresses: [readAddress(address)],
    dnsSuffixes: dnsSuffixes.map(canonicalName),
    self,
    domain,
    role: "agent",
  };
}

function readAddress(text: string): Address {
  try {
    return parseAddress(text);
  } catch (error) {
    const { message } = error as Error;
    throw new Problem("REFUSED", message, { errors: [{ field: "address", message }] });
  }
}
