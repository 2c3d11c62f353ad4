import type { Tables } from "../tables.ts";
import type { Db, Tx } from "../transaction.ts";

/** A change of a rollout that waits for a second person, or that was decided. Times in ms since the epoch. */
export interface Proposal<Change = unknown> {
  id: string;
  component: string;
  change: Change;
  fromVersion: number;
  /** Share of the fleet that it reaches. */
  reach: number;
  state: "waiting" | "approved" | "rejected";
  author: string;
  /** The user who made it, or made the token that did; null where nobody knows. */
  authorId: string | null;
  createdAt: number;
  decidedBy: string | null;
  decidedAt: number | null;
}

function fromRow(row: Tables["proposals"]): Proposal {
  return {
    id: row.id,
    component: row.component,
    change: JSON.parse(row.change) as unknown,
    fromVersion: row.from_version,
    reach: JSON.parse(row.reach) as number,
    state: row.state as Proposal["state"],
    author: row.author,
    authorId: row.author_id,
    createdAt: row.created_at,
    decidedBy: row.decided_by,
    decidedAt: row.decided_at,
  };
}

export async function insertProposal(tx: Tx, proposal: Proposal): Promise<void> {
  await tx
    .insertInto("proposals")
    .values({
      id: proposal.id,
      component: proposal.component,
      change: JSON.stringify(proposal.change),
      from_version: proposal.fromVersion,
      reach: JSON.stringify(proposal.reach),
      state: proposal.state,
      author: proposal.author,
      author_id: proposal.authorId,
      created_at: proposal.createdAt,
      decided_by: null,
      decided_at: null,
    })
    .execute();
}

/** The newest first. */
export async function listProposals(
  db: Db,
  { state, limit }: { state?: Proposal["state"] | undefined; limit: number },
): Promise<Proposal[]> {
  let query = db
    .selectFrom("proposals")
    .selectAll()
    .orderBy("created_at", "desc")
    .orderBy("id", "desc")
    .limit(limit);
  if (state !== undefined) query = query.where("state", "=", state);
  return (await query.execute()).map(fromRow);
}

export async function findProposal(db: Db, id: string): Promise<Proposal | undefined> {
  const found = await db.selectFrom("proposals").selectAll().where("id", "=", id).executeTakeFirst();
  return found && fromRow(found);
}

/** Decides one that waits; undoing an approval that could not be published puts it back with `waiting`. */
export async function decideProposal(
  tx: Tx,
  { id, state, by, at }: { id: string; state: Proposal["state"]; by: string | null; at: number | null },
): Promise<void> {
  await tx
    .updateTable("proposals")
    .set({ state, decided_by: by, decided_at: at })
    .where("id", "=", id)
    .execute();
}
