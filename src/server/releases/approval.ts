import { personOf } from "../access/accounts/apiTokens.ts";
import { type By, writeAudit } from "../access/auditTrail.ts";
import { newId } from "../access/secrets.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import type { Planned } from "../settings/saveDocument.ts";
import { insertProposal, type Proposal } from "../store/releases/proposalStore.ts";
import { deleteReach, insertReach, reachedSince } from "../store/releases/reachStore.ts";
import { type Db, type Tx, transact } from "../store/transaction.ts";

/** Writes more in the transaction of a change: its approval, or that one person made it alone. */
export type Also = (tx: Tx) => Promise<Pick<Planned, "detail" | "undo">>;

const millionths = (share: number) => Math.round(share * 1_000_000);

/**
 * Whether a change needs a second person: what one person changed alone of late, in however many steps and by
 * whatever tokens, would reach more of the fleet with it than one may.
 *
 * @param reach share of the fleet, from 0 to 1
 */
export async function needsSecond(context: Context, db: Db, by: By, reach: number): Promise<boolean> {
  const { approval } = context.config;
  if (approval === undefined || by.caller.kind === "server" || reach <= 0) return false;
  const { id } = await personOf(db, by.caller);
  const before = id === null ? 0 : await reachedSince(db, id, context.now() - approval.window);
  return before + millionths(reach) > millionths(approval.share);
}

const CAME_BETWEEN =
  "another change of yours came in between, and both together need a second person: send it again";

/**
 * Notes in the transaction of a change that one person made it alone. Of several at once, each counts those before it.
 *
 * @param refusal said of one that needs a second person by now
 * @throws Problem CONFLICT with it
 */
export function madeAlone(context: Context, by: By, reach: number, refusal = CAME_BETWEEN): Also {
  return async (tx) => {
    const { approval } = context.config;
    const person = await personOf(tx, by.caller);
    if (approval === undefined || person.id === null || reach <= 0) return {};
    if (await needsSecond(context, tx, by, reach)) throw new Problem("CONFLICT", refusal);
    const id = newId(context.random);
    const at = context.now();
    await insertReach(
      tx,
      { id, personId: person.id, at, millionths: millionths(reach) },
      at - approval.window,
    );
    return { undo: (again) => deleteReach(again, id) };
  };
}

/** Puts a change before a second person. Nothing else changes until that one has approved it. */
export async function propose(
  context: Context,
  { subject, version }: { subject: string; version: number },
  { change, reach }: { change: unknown; reach: number },
  by: By,
): Promise<Proposal> {
  const { database, random, now } = context;
  const { name: author, id: authorId } = await personOf(database.db, by.caller);
  const made = {
    id: newId(random),
    component: subject,
    change,
    fromVersion: version,
    reach,
    author,
    authorId,
  };
  const waiting = { state: "waiting", createdAt: now(), decidedBy: null, decidedAt: null } as const;
  const proposal: Proposal = { ...made, ...waiting };
  await transact(database.db, async (tx) => {
    await insertProposal(tx, proposal);
    const detail = { id: proposal.id, change, reach };
    await writeAudit(tx, context, by, { operation: "proposeRollout", subject, detail });
  });
  return proposal;
}
