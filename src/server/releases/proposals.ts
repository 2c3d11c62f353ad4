import { type By, writeAudit } from "../access/auditTrail.ts";
import { actorOf } from "../api/caller.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { carryOut, type PolicyChange } from "../settings/savePolicy.ts";
import { takeTurn } from "../store/dialect.ts";
import { decideProposal, findProposal, type Proposal } from "../store/releases/proposalStore.ts";
import { type Db, type Tx, transact } from "../store/transaction.ts";
import { applyChange } from "./applyChange.ts";
import type { Also } from "./approval.ts";
import type { RolloutChange } from "./rolloutChange.ts";

/** A change of a policy, as a proposal has it. */
type PolicyProposal = { action: "policy" } & PolicyChange;

/**
 * Carries out a change that waits, on behalf of a second person.
 *
 * @throws Problem NOT_FOUND, NOT_ALLOWED for the author's own and for programs, CONFLICT for one that was decided,
 *   CHANGED_MEANWHILE, and as `changeRollout`
 */
export async function approveProposal(context: Context, id: string, by: By): Promise<Proposal> {
  const { db } = context.database;
  const { component, change, fromVersion, author, authorId, reach } = await waitingProposal(db, id);
  if (by.caller.kind !== "user")
    throw new Problem("NOT_ALLOWED", "a person approves: sign in, without a token");
  if (authorId === null)
    throw new Problem(
      "NOT_ALLOWED",
      "nobody knows any more whose change it is: reject it, and make it again",
    );
  if (authorId === by.caller.id) throw new Problem("NOT_ALLOWED", "nobody approves a change of his own");
  const decided = { id, state: "approved", by: actorOf(by.caller), at: context.now() } as const;
  const also: Also = async (tx) => {
    await waitingProposal(tx, id);
    await decideProposal(tx, decided);
    const undo = (again: Tx) => decideProposal(again, { id, state: "waiting", by: null, at: null });
    return { detail: { proposal: id, author }, undo };
  };
  const asked = change as RolloutChange | PolicyProposal;
  if (asked.action === "policy") await carryOut(context, asked, by, also);
  else await applyChange(context, component, asked, by, { from: fromVersion, reach, also });
  return (await findProposal(db, id)) ?? unknownProposal();
}

/**
 * Drops a change that waits; its author may, too.
 *
 * @throws Problem NOT_FOUND, CONFLICT for one that was decided
 */
export async function rejectProposal(context: Context, id: string, by: By): Promise<Proposal> {
  const { database, now } = context;
  await transact(database.db, async (tx) => {
    await takeTurn(tx, "settings");
    const { component, author } = await waitingProposal(tx, id);
    await decideProposal(tx, { id, state: "rejected", by: actorOf(by.caller), at: now() });
    const detail = { proposal: id, author };
    await writeAudit(tx, context, by, { operation: "rejectProposal", subject: component, detail });
  });
  return (await findProposal(database.db, id)) ?? unknownProposal();
}

async function waitingProposal(db: Db, id: string): Promise<Proposal> {
  const found = (await findProposal(db, id)) ?? unknownProposal();
  if (found.state !== "waiting") {
    throw new Problem("CONFLICT", `it was ${found.state} by ${found.decidedBy ?? "somebody"}`);
  }
  return found;
}

function unknownProposal(): never {
  throw new Problem("NOT_FOUND", "no proposal has this id");
}
