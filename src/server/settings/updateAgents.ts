import { type Kind, sortKinds } from "../../core/content/kind.ts";
import { foundHosts } from "../../dns/unresolvedHosts.ts";
import { type By, writeAudit } from "../access/auditTrail.ts";
import { actorOf } from "../api/caller.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { deleteAgent, findAgent, findAgents, findAgentsWhole } from "../store/fleet/agentStore.ts";
import {
  deleteHandGrant,
  findHandGrant,
  listHandGrants,
  putHandGrant,
} from "../store/settings/grantStore.ts";
import { joinPolicies, leavePolicies, listPolicies } from "../store/settings/policyStore.ts";
import { type Db, type Tx, transact } from "../store/transaction.ts";
import { UPDATE_AGENTS } from "./fleetSettings.ts";
import { isUnchanged, type NewDocument, type Planned, saveChange } from "./saveDocument.ts";

/** A holder of the Update Agent role. */
export interface UpdateAgent {
  id: string;
  name: string;
  /** The port it listens at, by its last report: 0 for none, null while it has not said. */
  port: number | null;
  /** All that it serves: what was granted by hand, and by policies. */
  kinds: Kind[];
  byHand: Kind[];
  byPolicies: { id: string; name: string; kinds: Kind[] }[];
}

/** Holders of the role, by id: granted by hand, and by the policies that name an agent. */
export async function updateAgents(db: Db): Promise<UpdateAgent[]> {
  const holders = new Map<string, Omit<UpdateAgent, "name" | "port">>();
  const holder = (id: string) => holders.getOrInsert(id, { id, kinds: [], byHand: [], byPolicies: [] });
  for (const { agent, kinds } of await listHandGrants(db)) holder(agent).byHand = kinds;
  for (const { id, name, targets, updateAgent } of await listPolicies(db)) {
    const { kinds } = updateAgent;
    if (kinds.length === 0) continue;
    for (const agent of targets.agents) holder(agent).byPolicies.push({ id, name, kinds });
  }
  const known = await findAgents(db, [...holders.keys()]);
  return known.map(({ id, name, port }) => {
    const { byHand, byPolicies } = holder(id);
    const kinds = sortKinds([...byHand, ...byPolicies.flatMap((each) => each.kinds)]);
    return { id, name, port, kinds, byHand, byPolicies };
  });
}

/** A holder, as an entry can lead to it. */
export interface FoundUpdateAgent extends UpdateAgent {
  addresses: string[];
  /** The name of its machine, as it reported it; null while it has not said. It may be listed under another. */
  hostName: string | null;
  /** Whether this server finds an address of that name, or of the agent's without it; null where it could not be asked. */
  resolves: boolean | null;
}

/** Holders of the role, each with the host name that its machine has, and whether that can be found. */
export async function findUpdateAgents({
  database,
  resolver,
}: Pick<Context, "database" | "resolver">): Promise<FoundUpdateAgent[]> {
  const holders = await updateAgents(database.db);
  const whole = await findAgentsWhole(
    database.db,
    holders.map(({ id }) => id),
  );
  const known = new Map(whole.map((agent) => [agent.id, agent]));
  // An entry leads by the name of the agent to one whose machine has not said its own.
  const names = new Map(whole.map(({ id, name, hostNames }) => [id, longest(hostNames) ?? name]));
  const found = await foundHosts(resolver, new Set(names.values()));
  return holders.map((holder) => {
    const { addresses = [], hostNames = [] } = known.get(holder.id) ?? {};
    const resolves = found.get(names.get(holder.id) ?? "") ?? null;
    return { ...holder, addresses, hostName: longest(hostNames) ?? null, resolves };
  });
}

/** The full name, where a machine has one beside its short one: others may have other search domains. */
function longest(names: readonly string[]): string | undefined {
  return names.toSorted((one, other) => other.length - one.length)[0];
}

/** `settings/update-agents.json` as it has to be now; none where it is so already. */
export async function grantsToPublish(tx: Tx): Promise<NewDocument[]> {
  const agents = (await updateAgents(tx)).map(({ id, kinds }) => ({ id, kinds }));
  const document = { name: UPDATE_AGENTS, document: { agents } };
  const isEmpty = agents.length === 0 && (await isFirst(tx));
  return isEmpty || (await isUnchanged(tx, document)) ? [] : [document];
}

async function isFirst(tx: Tx): Promise<boolean> {
  const found = await tx
    .selectFrom("documents")
    .select("version")
    .where("name", "=", UPDATE_AGENTS)
    .execute();
  return found.length === 0;
}

/**
 * Grants an agent kinds of the role, in place of those that were granted by hand before.
 *
 * @throws Problem NOT_FOUND, UNAVAILABLE
 */
export async function grantRole(context: Context, id: string, kinds: Kind[], by: By): Promise<UpdateAgent> {
  const granted = {
    agent: id,
    kinds: sortKinds(kinds),
    author: actorOf(by.caller),
    grantedAt: context.now(),
  };
  await changeGrant(context, id, { ...by, operation: "grantUpdateAgent" }, async (tx) => {
    await putHandGrant(tx, granted);
    return { detail: { kinds: granted.kinds } };
  });
  const all = await updateAgents(context.database.db);
  return all.find((each) => each.id === id) ?? unknownAgent();
}

/**
 * Takes the role from an agent that has it by hand.
 *
 * @throws Problem NOT_FOUND, CONFLICT where a policy gives it the role, UNAVAILABLE
 */
export async function takeRole(context: Context, id: string, by: By): Promise<void> {
  await changeGrant(context, id, { ...by, operation: "takeUpdateAgent" }, async (tx) => {
    const held = (await updateAgents(tx)).find((each) => each.id === id);
    if (held === undefined) throw new Problem("NOT_FOUND", "this agent is no Update Agent");
    const [policy] = held.byPolicies;
    if (policy !== undefined) {
      const remedy = "take the agent out of its targets";
      throw new Problem("CONFLICT", `the policy ${policy.name} gives it the role: ${remedy}`);
    }
    await deleteHandGrant(tx, id);
    return { detail: { kinds: [] } };
  });
}

async function changeGrant(
  context: Context,
  id: string,
  change: By & { operation: string },
  act: (tx: Tx) => Promise<Pick<Planned, "detail" | "undo">>,
): Promise<void> {
  await saveChange(context, { ...change, subject: id, note: "", effect: null }, async (tx) => {
    const agent = (await findAgent(tx, id)) ?? unknownAgent();
    const before = await findHandGrant(tx, id);
    const acted = await act(tx);
    const detail = { ...acted.detail, name: agent.name, before: before?.kinds ?? [] };
    const undo = async (again: Tx) => {
      await acted.undo?.(again);
      await deleteHandGrant(again, id);
      if (before !== undefined) await putHandGrant(again, before);
    };
    return { documents: await grantsToPublish(tx), detail, undo };
  });
}

/**
 * Forgets an agent, its runs and its secret; the role first, where it holds it.
 *
 * @throws Problem NOT_FOUND, UNAVAILABLE
 */
export async function forgetAgent(context: Context, id: string, by: By): Promise<void> {
  const { db } = context.database;
  const held = (await updateAgents(db)).some((each) => each.id === id);
  if (held) await dropRole(context, id, by);
  await transact(db, async (tx) => {
    const { name } = (await findAgent(tx, id)) ?? unknownAgent();
    await deleteAgent(tx, id);
    await writeAudit(tx, context, by, { operation: "deleteAgent", subject: id, detail: { name } });
  });
}

/** Takes the role from an agent, whoever and whatever granted it. */
async function dropRole(context: Context, id: string, by: By): Promise<void> {
  await changeGrant(context, id, { ...by, operation: "takeUpdateAgent" }, async (tx) => {
    await deleteHandGrant(tx, id);
    const policies = await leavePolicies(tx, id);
    const undo = async (again: Tx) => await joinPolicies(again, id, policies);
    return { detail: { kinds: [], policies }, undo };
  });
}

function unknownAgent(): never {
  throw new Problem("NOT_FOUND", "no agent has this id");
}
