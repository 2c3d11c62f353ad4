import type { Db } from "../transaction.ts";

/** States that one server finds and every server shows. */
export interface Notes {
  /** Reason for which the settings cannot be signed again, and the remedy. */
  resigning: { reason: string; remedy: string };
  /** Reason for which what was saved is not published, and the remedy. */
  publishing: { reason: string; remedy: string };
  /** When the vendor was last known to have nothing newer (ms since the epoch). */
  mirrored: { confirmedAt: number };
  /** Since when a vendor who was never reached has been waited for. */
  mirrorAwaited: { since: number };
  /** Newest publication of content of which the releases were noted. */
  releasesSeen: { content: number };
}

/** A note as it was last written; undefined where there is none. */
export async function readNote<Subject extends keyof Notes>(
  db: Db,
  subject: Subject,
): Promise<Notes[Subject] | undefined> {
  const found = await db
    .selectFrom("notes")
    .select("content")
    .where("subject", "=", subject)
    .executeTakeFirst();
  return found && (JSON.parse(found.content) as Notes[Subject]);
}

/** Writes a note; undefined takes it away. */
export async function writeNote<Subject extends keyof Notes>(
  db: Db,
  subject: Subject,
  content: Notes[Subject] | undefined,
  now: number,
): Promise<void> {
  if (content === undefined) {
    await db.deleteFrom("notes").where("subject", "=", subject).execute();
    return;
  }
  const row = { at: now, content: JSON.stringify(content) };
  await db
    .insertInto("notes")
    .values({ subject, ...row })
    .onConflict((conflict) => conflict.column("subject").doUpdateSet(row))
    .execute();
}
