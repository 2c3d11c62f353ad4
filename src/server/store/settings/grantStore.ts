import type { Kind } from "../../../core/content/kind.ts";
import type { Db, Tx } from "../transaction.ts";

/** Kinds of the Update Agent role that somebody granted to one agent. */
export interface HandGrant {
  agent: string;
  kinds: Kind[];
  author: string;
  grantedAt: number;
}

export async function listHandGrants(db: Db): Promise<HandGrant[]> {
  const rows = await db.selectFrom("grants").selectAll().orderBy("agent_id").execute();
  return rows.map(({ agent_id, kinds, author, granted_at }) => {
    return { agent: agent_id, kinds: JSON.parse(kinds) as Kind[], author, grantedAt: granted_at };
  });
}

export async function findHandGrant(db: Db, agent: string): Promise<HandGrant | undefined> {
  return (await listHandGrants(db)).find((each) => each.agent === agent);
}

export async function putHandGrant(tx: Tx, { agent, kinds, author, grantedAt }: HandGrant): Promise<void> {
  const row = { kinds: JSON.stringify(kinds), author, granted_at: grantedAt };
  await tx
    .insertInto("grants")
    .values({ agent_id: agent, ...row })
    .onConflict((conflict) => conflict.column("agent_id").doUpdateSet(row))
    .execute();
}

export async function deleteHandGrant(tx: Tx, agent: string): Promise<boolean> {
  const { numDeletedRows } = await tx.deleteFrom("grants").where("agent_id", "=", agent).executeTakeFirst();
  return numDeletedRows > 0n;
}
