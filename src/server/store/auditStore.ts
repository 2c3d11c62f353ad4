import type { Db, Tx } from "./transaction.ts";
import { say } from "./wakeUps.ts";

/** One change that somebody made. */
export interface AuditEntry {
  at: number;
  actor: string;
  address: string;
  operation: string;
  subject: string;
  detail: unknown;
}

/** Rows are added, and never changed. All servers hear of it. */
export async function insertAudit(tx: Tx, { detail, ...entry }: AuditEntry): Promise<void> {
  await tx
    .insertInto("audit")
    .values({ ...entry, detail: JSON.stringify(detail ?? null) })
    .execute();
  await say(tx, "changed", [entry.operation]);
}

/** The newest first; `before` is the sequence to go on from. */
export async function listAudit(
  db: Db,
  { before, limit }: { before?: number | undefined; limit: number },
): Promise<(AuditEntry & { sequence: number })[]> {
  let query = db.selectFrom("audit").selectAll().orderBy("sequence", "desc").limit(limit);
  if (before !== undefined) query = query.where("sequence", "<", before);
  const rows = await query.execute();
  return rows.map(({ detail, ...row }) => ({ ...row, detail: JSON.parse(detail) as unknown }));
}
