import type { EventType } from "../../../core/fleet/watch/eventTypes.ts";
import { countOf } from "../countOf.ts";
import type { Dialect } from "../dialect.ts";
import type { Db, Tx } from "../transaction.ts";
import { noteDropped } from "./webhookStore.ts";

/** States of a delivery: it is to be tried, was taken by its receiver, or is given up. */
export const DELIVERY_STATES = ["waiting", "delivered", "failed"] as const;
export type DeliveryState = (typeof DELIVERY_STATES)[number];

/** One event for one webhook. Times in milliseconds since the epoch. */
export interface Delivery {
  eventId: string;
  type: EventType;
  subject: string;
  raisedAt: number;
  state: DeliveryState;
  attempts: number;
  nextAt: number | null;
  endedAt: number | null;
  /** `HTTP_500`, or an error's code; null where nothing went wrong. */
  code: string | null;
}

/** Deliveries that may wait for one webhook: of more, none is added. */
const MOST_WAITING = 1_000;

/**
 * Has a webhook told of an event; where too many wait for it already, that one is counted and not kept.
 *
 * @returns whether it is kept
 */
export async function insertDelivery(
  tx: Tx,
  { eventId, webhookId, raisedAt }: { eventId: string; webhookId: string; raisedAt: number },
): Promise<boolean> {
  const waiting = tx
    .selectFrom("deliveries")
    .where("webhook_id", "=", webhookId)
    .where("state", "=", "waiting");
  if ((await countOf(waiting)) >= MOST_WAITING) {
    await noteDropped(tx, webhookId, raisedAt);
    return false;
  }
  await tx
    .insertInto("deliveries")
    .values({
      ...{ event_id: eventId, webhook_id: webhookId, raised_at: raisedAt },
      ...{ state: "waiting", attempts: 0, next_at: raisedAt },
    })
    .execute();
  return true;
}

/** A delivery that is to be tried now, with all that it takes. */
export interface DueDelivery {
  eventId: string;
  webhookId: string;
  raisedAt: number;
  attempts: number;
  url: string;
  body: string;
  secret: string;
  failingSince: number | null;
}

/**
 * Takes the deliveries that are due, the oldest of each webhook. They stay where they are, so that a server that is
 * killed leaves them to the next.
 *
 * @param busy webhooks that something is being sent to
 */
export async function takeDeliveries(
  tx: Tx,
  { locksRows }: Dialect,
  { now, limit, leaseUntil, busy }: { now: number; limit: number; leaseUntil: number; busy: string[] },
): Promise<DueDelivery[]> {
  // One by one: those that wait for a webhook which takes none would stand before all others.
  const due = await tx
    .selectFrom("deliveries")
    .innerJoin("webhooks", "webhooks.id", "deliveries.webhook_id")
    .select((row) => ["webhook_id as id", row.fn.min("next_at").as("since")])
    .where("deliveries.state", "=", "waiting")
    .where("next_at", "<=", now)
    .where("disabled_at", "is", null)
    .$if(busy.length > 0, (query) => query.where("webhook_id", "not in", busy))
    .groupBy("webhook_id")
    .orderBy("since")
    .limit(limit)
    .execute();
  const taken: DueDelivery[] = [];
  for (const { id } of due) {
    const oldest = await tx
      .selectFrom("deliveries")
      .innerJoin("webhooks", "webhooks.id", "deliveries.webhook_id")
      .innerJoin("events", "events.id", "deliveries.event_id")
      .select([
        "event_id as eventId",
        "webhook_id as webhookId",
        "deliveries.raised_at as raisedAt",
        "attempts",
        "url",
        "body",
        "secret",
        "failing_since as failingSince",
      ])
      .where("webhook_id", "=", id)
      .where("deliveries.state", "=", "waiting")
      .where("next_at", "<=", now)
      .orderBy("next_at")
      .orderBy("raised_at")
      .limit(1)
      .$if(locksRows, (query) => query.forUpdate("deliveries").skipLocked())
      .executeTakeFirst();
    if (oldest === undefined) continue;
    await ofOne(tx.updateTable("deliveries").set({ next_at: leaseUntil }), oldest.eventId, id).execute();
    taken.push(oldest);
  }
  return taken;
}

/** Writes down what became of an attempt, unless it has been settled meanwhile. */
export async function noteDelivery(
  tx: Tx,
  { eventId, webhookId }: Pick<DueDelivery, "eventId" | "webhookId">,
  outcome: Pick<Delivery, "state" | "attempts" | "nextAt" | "endedAt" | "code">,
): Promise<void> {
  const { state, attempts, nextAt, endedAt, code } = outcome;
  const set = { state, attempts, next_at: nextAt, ended_at: endedAt, code };
  await ofOne(tx.updateTable("deliveries").set(set), eventId, webhookId)
    .where("state", "=", "waiting")
    .execute();
}

function ofOne<Query extends { where(column: never, is: "=", value: string): Query }>(
  query: Query,
  eventId: string,
  webhookId: string,
): Query {
  return query.where("event_id" as never, "=", eventId).where("webhook_id" as never, "=", webhookId);
}

/** Gives up all that waits for a webhook. */
export async function failWaiting(tx: Tx, webhookId: string, code: string, now: number): Promise<void> {
  await tx
    .updateTable("deliveries")
    .set({ state: "failed", next_at: null, ended_at: now, code })
    .where("webhook_id", "=", webhookId)
    .where("state", "=", "waiting")
    .execute();
}

/** Deliveries of a webhook, the newest first, after the one that `before` names. */
export async function listDeliveries(
  db: Db,
  webhookId: string,
  { before, limit }: { before?: { raisedAt: number; eventId: string } | undefined; limit: number },
): Promise<Delivery[]> {
  let query = deliveries(db)
    .where("webhook_id", "=", webhookId)
    .orderBy("deliveries.raised_at", "desc")
    .orderBy("event_id", "desc")
    .limit(limit);
  if (before !== undefined) {
    query = query.where((where) =>
      where.or([
        where("deliveries.raised_at", "<", before.raisedAt),
        where.and([
          where("deliveries.raised_at", "=", before.raisedAt),
          where("event_id", "<", before.eventId),
        ]),
      ]),
    );
  }
  return (await query.execute()) as Delivery[];
}

/** Number of what a webhook was told and is to be told, as far as it is kept. */
export async function countDeliveries(db: Db, webhookId: string): Promise<number> {
  return await countOf(db.selectFrom("deliveries").where("webhook_id", "=", webhookId));
}

export async function findDelivery(
  db: Db,
  { eventId, webhookId }: Pick<DueDelivery, "eventId" | "webhookId">,
): Promise<Delivery | undefined> {
  const query = deliveries(db).where("webhook_id", "=", webhookId).where("event_id", "=", eventId);
  return (await query.executeTakeFirst()) as Delivery | undefined;
}

function deliveries(db: Db) {
  return db
    .selectFrom("deliveries")
    .innerJoin("events", "events.id", "deliveries.event_id")
    .select([
      "event_id as eventId",
      "type",
      "subject",
      "deliveries.raised_at as raisedAt",
      "state",
      "attempts",
      "next_at as nextAt",
      "ended_at as endedAt",
      "code",
    ]);
}

/** Deliveries that wait, and since when the oldest does. */
export async function waitingDeliveries(db: Db): Promise<{ count: number; oldest: number | null }> {
  const found = await db
    .selectFrom("deliveries")
    .select((row) => [row.fn.countAll<number>().as("count"), row.fn.min("raised_at").as("oldest")])
    .where("state", "=", "waiting")
    .executeTakeFirstOrThrow();
  return { count: Number(found.count), oldest: found.oldest };
}
