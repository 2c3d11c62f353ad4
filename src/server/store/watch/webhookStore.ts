import { sql } from "kysely";
import type { EventType } from "../../../core/fleet/watch/eventTypes.ts";
import { countOf } from "../countOf.ts";
import type { Db, Tx } from "../transaction.ts";

/** A receiver of events. Times in milliseconds since the epoch. */
export interface Webhook {
  id: string;
  name: string;
  url: string;
  /** Types that it is told of; none for all. */
  events: EventType[];
  createdBy: string;
  createdAt: number;
  /** Since when nothing could be delivered; null where the last attempt was well. */
  failingSince: number | null;
  disabledAt: number | null;
  disabledReason: string | null;
  /** Events that were not kept for it, since too many waited: how many, since when, and when the last one was. */
  dropped: number;
  droppedSince: number | null;
  droppedLast: number | null;
}

const COLUMNS = [
  "id",
  "name",
  "url",
  "events",
  "created_by as createdBy",
  "created_at as createdAt",
  "failing_since as failingSince",
  "disabled_at as disabledAt",
  "disabled_reason as disabledReason",
  "dropped",
  "dropped_since as droppedSince",
  "dropped_last as droppedLast",
] as const;

function fromRow({ events, ...row }: Omit<Webhook, "events"> & { events: string }): Webhook {
  return { ...row, events: JSON.parse(events) as EventType[] };
}

export async function listWebhooks(db: Db): Promise<Webhook[]> {
  const rows = await db.selectFrom("webhooks").select(COLUMNS).orderBy("created_at").orderBy("id").execute();
  return rows.map(fromRow);
}

export async function findWebhook(db: Db, id: string): Promise<Webhook | undefined> {
  const found = await db.selectFrom("webhooks").select(COLUMNS).where("id", "=", id).executeTakeFirst();
  return found && fromRow(found);
}

/** The sealed secret of a webhook. */
export async function secretOfWebhook(db: Db, id: string): Promise<string | undefined> {
  const found = await db.selectFrom("webhooks").select("secret").where("id", "=", id).executeTakeFirst();
  return found?.secret;
}

export async function insertWebhook(
  tx: Tx,
  webhook: Pick<Webhook, "id" | "name" | "url" | "events" | "createdBy" | "createdAt"> & { secret: string },
): Promise<void> {
  const { id, name, url, events, createdBy, createdAt, secret } = webhook;
  const made = { created_by: createdBy, created_at: createdAt };
  await tx
    .insertInto("webhooks")
    .values({ id, name, url, events: JSON.stringify(events), secret, ...made })
    .execute();
}

/** Changes what `changes` names. */
export async function updateWebhook(
  tx: Tx,
  id: string,
  changes: Partial<Omit<Webhook, "id" | "createdBy" | "createdAt">> & { secret?: string },
): Promise<void> {
  const { name, url, events, secret, failingSince, disabledAt, disabledReason } = changes;
  const set = {
    ...(name === undefined ? {} : { name }),
    ...(url === undefined ? {} : { url }),
    ...(events === undefined ? {} : { events: JSON.stringify(events) }),
    ...(secret === undefined ? {} : { secret }),
    ...(failingSince === undefined ? {} : { failing_since: failingSince }),
    ...(disabledAt === undefined ? {} : { disabled_at: disabledAt }),
    ...(disabledReason === undefined ? {} : { disabled_reason: disabledReason }),
  };
  if (Object.keys(set).length === 0) return;
  await tx.updateTable("webhooks").set(set).where("id", "=", id).execute();
}

/** Counts an event that is not kept for a webhook. */
export async function noteDropped(tx: Tx, id: string, at: number): Promise<void> {
  await tx
    .updateTable("webhooks")
    .set((row) => ({
      dropped: sql`dropped + 1`,
      dropped_since: row.fn.coalesce("dropped_since", row.val(at)),
      dropped_last: at,
    }))
    .where("id", "=", id)
    .execute();
}

/** Takes the events that were not kept for a webhook, and that it was not told of: from now on it was. */
export async function tellDropped(
  tx: Tx,
  id: string,
): Promise<{ untold: number; since: number; last: number } | undefined> {
  const found = await tx
    .selectFrom("webhooks")
    .select(["dropped", "dropped_told as told", "dropped_since as since", "dropped_last as last"])
    .where("id", "=", id)
    .executeTakeFirst();
  if (found === undefined || found.dropped === found.told) return undefined;
  await tx.updateTable("webhooks").set({ dropped_told: found.dropped }).where("id", "=", id).execute();
  return { untold: found.dropped - found.told, since: found.since ?? 0, last: found.last ?? 0 };
}

/** Begins to count anew what is not kept for a webhook. */
export async function forgetDropped(tx: Tx, id: string): Promise<void> {
  const set = { dropped: 0, dropped_told: 0, dropped_since: null, dropped_last: null };
  await tx.updateTable("webhooks").set(set).where("id", "=", id).execute();
}

/** Events that were not kept for webhooks, of all that there are. */
export async function countDropped(db: Db): Promise<number> {
  const found = await db
    .selectFrom("webhooks")
    .select((row) => row.fn.sum<number | null>("dropped").as("dropped"))
    .executeTakeFirst();
  return Number(found?.dropped ?? 0);
}

export async function deleteWebhook(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom("webhooks").where("id", "=", id).execute();
}

/** Webhooks that are told of nothing more, and that nobody switched off. */
export async function countGivenUp(db: Db): Promise<number> {
  return await countOf(db.selectFrom("webhooks").where("disabled_reason", "is not", null));
}
