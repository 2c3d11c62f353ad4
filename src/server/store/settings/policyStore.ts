import type { Kind } from "../../../core/content/kind.ts";
import type { Db, Tx } from "../transaction.ts";

/** Settings for whole domains, and the Update Agent role for agents by name. */
export interface Policy {
  id: string;
  name: string;
  /** Counts its changes. */
  version: number;
  targets: { domains: string[]; agents: string[] };
  /** The fields of a policy document (`core/settings/policy`), for the domains. */
  settings: Record<string, unknown>;
  /** Kinds of the Update Agent role, for the named agents alone. */
  updateAgent: { kinds: Kind[] };
  author: string;
  changedAt: number;
}

export async function listPolicies(db: Db): Promise<Policy[]> {
  const rows = await db.selectFrom("policies").selectAll().orderBy("name").execute();
  const domains = await db.selectFrom("policy_domains").selectAll().orderBy("domain").execute();
  const agents = await db.selectFrom("policy_agents").selectAll().orderBy("agent_id").execute();
  const domainsOf = Map.groupBy(domains, ({ policy_id }) => policy_id);
  const agentsOf = Map.groupBy(agents, ({ policy_id }) => policy_id);
  return rows.map(({ changed_at, settings, kinds, ...row }) => ({
    ...row,
    targets: {
      domains: (domainsOf.get(row.id) ?? []).map(({ domain }) => domain),
      agents: (agentsOf.get(row.id) ?? []).map(({ agent_id }) => agent_id),
    },
    settings: JSON.parse(settings) as Record<string, unknown>,
    updateAgent: { kinds: JSON.parse(kinds) as Kind[] },
    changedAt: changed_at,
  }));
}

export async function findPolicy(db: Db, id: string): Promise<Policy | undefined> {
  return (await listPolicies(db)).find((each) => each.id === id);
}

/** Puts a policy in the place of the one of its id, where there is one. */
export async function putPolicy(tx: Tx, policy: Policy): Promise<void> {
  const { id, name, version, targets, settings, updateAgent, author, changedAt } = policy;
  const row = {
    name,
    version,
    settings: JSON.stringify(settings),
    kinds: JSON.stringify(updateAgent.kinds),
    author,
    changed_at: changedAt,
  };
  await tx
    .insertInto("policies")
    .values({ id, ...row })
    .onConflict((conflict) => conflict.column("id").doUpdateSet(row))
    .execute();
  await tx.deleteFrom("policy_domains").where("policy_id", "=", id).execute();
  await tx.deleteFrom("policy_agents").where("policy_id", "=", id).execute();
  for (const domain of targets.domains) {
    await tx.insertInto("policy_domains").values({ domain, policy_id: id }).execute();
  }
  for (const agent of targets.agents) {
    await tx.insertInto("policy_agents").values({ agent_id: agent, policy_id: id }).execute();
  }
}

export async function deletePolicy(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom("policies").where("id", "=", id).execute();
}

/** Takes an agent out of the targets of all policies. @returns their ids */
export async function leavePolicies(tx: Tx, agent: string): Promise<string[]> {
  const left = await tx
    .deleteFrom("policy_agents")
    .where("agent_id", "=", agent)
    .returning("policy_id")
    .execute();
  return left.map(({ policy_id }) => policy_id);
}

export async function joinPolicies(tx: Tx, agent: string, policies: readonly string[]): Promise<void> {
  for (const id of policies) {
    await tx.insertInto("policy_agents").values({ agent_id: agent, policy_id: id }).execute();
  }
}
