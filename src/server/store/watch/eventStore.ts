import type { EventType } from "../../../core/fleet/watch/eventTypes.ts";
import type { Db, Tx } from "../transaction.ts";

/** Something that happened, as webhooks are told of it. */
export interface StoredEvent {
  id: string;
  /** Milliseconds since the epoch. */
  at: number;
  type: EventType;
  subject: string;
  /** JSON text. */
  body: string;
}

export async function insertEvent(tx: Tx, event: StoredEvent): Promise<void> {
  await tx.insertInto("events").values(event).execute();
}

/** When an event of this kind and subject was last raised. */
export async function lastRaised(
  db: Db,
  { type, subject }: Pick<StoredEvent, "type" | "subject">,
): Promise<number | undefined> {
  const found = await db
    .selectFrom("events")
    .select("at")
    .where("type", "=", type)
    .where("subject", "=", subject)
    .orderBy("at", "desc")
    .limit(1)
    .executeTakeFirst();
  return found?.at;
}

/** Forgets events, with their deliveries. */
export async function dropEvents(tx: Tx, before: number): Promise<void> {
  await tx.deleteFrom("events").where("at", "<", before).execute();
}
