import { countOf } from "./countOf.ts";
import { takeTurn } from "./dialect.ts";
import type { Db, Tx } from "./transaction.ts";
import { say } from "./wakeUps.ts";

/** Kinds of actors: those of callers, and a command that somebody gave on the server's own machine. */
export type ActorKind = "user" | "token" | "agent" | "server" | "nobody" | "command";

/** Author of a change: names are shown, and may be given again to others; ids are not. */
export interface Actor {
  actor: string;
  actorKind: ActorKind;
  /** Of a user, token or agent. */
  actorId: string | null;
}

/** One change that somebody made. */
export interface AuditEntry extends Actor {
  at: number;
  address: string;
  operation: string;
  subject: string;
  detail: unknown;
}

/**
 * Rows are added, and never changed: the database refuses it. They become visible in the order of their numbers, so that
 * whoever has read one has missed none before it; others wait for the end of the transaction, of which this comes last.
 * All servers hear of it.
 */
export async function insertAudit(tx: Tx, { detail, ...entry }: AuditEntry): Promise<void> {
  const { actorKind, actorId, ...rest } = entry;
  await takeTurn(tx, "audit");
  await tx
    .insertInto("audit")
    .values({ ...rest, actor_kind: actorKind, actor_id: actorId, detail: JSON.stringify(detail ?? null) })
    .execute();
  await say(tx, "changed", [entry.operation]);
}

/** Writes down what a command on the server's own machine changed, in the transaction that changes it. */
export async function insertCommandAudit(
  tx: Tx,
  command: string,
  entry: Pick<AuditEntry, "at" | "operation" | "subject" | "detail">,
): Promise<void> {
  await insertAudit(tx, { ...entry, actor: command, actorKind: "command", actorId: null, address: "" });
}

/** An entry as it is kept: those of an older program have no more than the actor's name. */
export type KeptEntry = Omit<AuditEntry, "actorKind"> & { sequence: number; actorKind: ActorKind | null };

/** The newest first, before the sequence `before`; or the oldest first, after the sequence `since`. */
export async function listAudit(
  db: Db,
  { before, since, limit }: { before?: number | undefined; since?: number | undefined; limit: number },
): Promise<KeptEntry[]> {
  let query = db
    .selectFrom("audit")
    .selectAll()
    .orderBy("sequence", since === undefined ? "desc" : "asc")
    .limit(limit);
  if (before !== undefined) query = query.where("sequence", "<", before);
  if (since !== undefined) query = query.where("sequence", ">", since);
  const rows = await query.execute();
  return rows.map(({ detail, actor_kind, actor_id, ...row }) => ({
    ...row,
    actorKind: actor_kind as ActorKind | null,
    actorId: actor_id,
    detail: JSON.parse(detail) as unknown,
  }));
}

/** Number of the entries that are kept. */
export async function countAudit(db: Db): Promise<number> {
  return await countOf(db.selectFrom("audit"));
}

/** Forgets entries from before a time; the database keeps the last 90 days in any case. */
export async function dropOldAudit(tx: Tx, before: number): Promise<void> {
  await tx.deleteFrom("audit").where("at", "<", before).execute();
}
