import type { Db, Tx } from "../transaction.ts";

/** A group of agents with one policy. */
export interface Domain {
  name: string;
  comment: string;
  /** Counts the changes of the comment. */
  version: number;
  createdAt: number;
  /** Agents in it that are not retired. */
  agents: number;
  /** The policy that it goes by; null for the defaults. */
  policy: { id: string; name: string } | null;
}

function select(db: Db) {
  return db
    .selectFrom("domains")
    .leftJoin("policy_domains", "policy_domains.domain", "domains.name")
    .leftJoin("policies", "policies.id", "policy_domains.policy_id")
    .select((row) => [
      "domains.name",
      "domains.comment",
      "domains.version",
      "domains.created_at as createdAt",
      "policies.id as policyId",
      "policies.name as policyName",
      row
        .selectFrom("agents")
        .select((inner) => inner.fn.countAll<number>().as("count"))
        .whereRef("agents.domain", "=", "domains.name")
        .where("agents.retired_at", "is", null)
        .as("agents"),
    ]);
}

type Row = Omit<Domain, "policy" | "agents"> & {
  agents: number | null;
  policyId: string | null;
  policyName: string | null;
};

function fromRow({ policyId, policyName, agents, ...row }: Row): Domain {
  const policy = policyId === null || policyName === null ? null : { id: policyId, name: policyName };
  return { ...row, agents: Number(agents), policy };
}

export async function listDomains(db: Db): Promise<Domain[]> {
  return (await select(db).orderBy("domains.name").execute()).map(fromRow);
}

export async function findDomain(db: Db, name: string): Promise<Domain | undefined> {
  const found = await select(db).where("domains.name", "=", name).executeTakeFirst();
  return found && fromRow(found);
}

export async function insertDomain(
  tx: Tx,
  { name, comment, now }: { name: string; comment: string; now: number },
): Promise<void> {
  await tx.insertInto("domains").values({ name, comment, version: 1, created_at: now }).execute();
}

/** Changes the comment of a domain that is still at a version; false where it is not. */
export async function updateDomain(
  tx: Tx,
  { name, comment, version }: { name: string; comment: string; version: number },
): Promise<boolean> {
  const { numUpdatedRows } = await tx
    .updateTable("domains")
    .set({ comment, version: version + 1 })
    .where("name", "=", name)
    .where("version", "=", version)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Whether agents, retired ones too, or enrolment tokens are of a domain. */
export async function isDomainUsed(tx: Tx, name: string): Promise<boolean> {
  const agent = await tx.selectFrom("agents").select("id").where("domain", "=", name).limit(1).execute();
  const token = await tx
    .selectFrom("enrolment_tokens")
    .select("id")
    .where("domain", "=", name)
    .limit(1)
    .execute();
  return agent.length + token.length > 0;
}

export async function deleteDomain(tx: Tx, name: string): Promise<void> {
  await tx.deleteFrom("domains").where("name", "=", name).execute();
}
