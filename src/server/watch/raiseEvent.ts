import { type EventType, QUIET } from "../../core/fleet/watch/eventTypes.ts";
import { newId } from "../access/secrets.ts";
import type { Context } from "../context.ts";
import { takeTurn } from "../store/dialect.ts";
import type { Tx } from "../store/transaction.ts";
import { insertDelivery } from "../store/watch/deliveryStore.ts";
import { insertEvent, lastRaised } from "../store/watch/eventStore.ts";
import { listWebhooks } from "../store/watch/webhookStore.ts";

/** Something that happened, and that an administrator wants to know of. */
export interface NewEvent {
  type: EventType;
  /** Thing that it happened to, by which it is told from others of its kind. */
  subject: string;
  /** One sentence for people. */
  message: string;
  /** For programs; no secrets. */
  detail?: Record<string, unknown>;
}

/**
 * Raises an event in the transaction of its cause: it is there if the cause is, and webhooks are told of it by
 * whichever server is alive. One that was raised lately for the same subject is not raised again.
 *
 * @param only the one webhook that is told of it; all that want it by default
 * @returns its id; undefined where it was raised already
 */
export async function raiseEvent(
  tx: Tx,
  means: Pick<Context, "config" | "now" | "random">,
  { type, subject, message, detail = {} }: NewEvent,
  only?: string,
): Promise<string | undefined> {
  const { config, now, random } = means;
  const at = now();
  const quiet = QUIET[type];
  if (quiet !== undefined) {
    await takeTurn(tx, `event ${type} ${subject}`);
    const last = await lastRaised(tx, { type, subject });
    if (last !== undefined && (quiet === null || Math.abs(at - last) < quiet)) return undefined;
  }
  const id = newId(random);
  const server = config.publicUrl === undefined ? {} : { server: config.publicUrl };
  const data = { subject, message, ...server, ...detail };
  const body = JSON.stringify({ type, timestamp: new Date(at).toISOString(), data });
  await insertEvent(tx, { id, at, type, subject, body });
  for (const { id: webhookId, name, events, disabledAt } of await listWebhooks(tx)) {
    const isMeant = only === undefined ? events.length === 0 || events.includes(type) : only === webhookId;
    if (!isMeant || disabledAt !== null) continue;
    const isKept = await insertDelivery(tx, { eventId: id, webhookId, raisedAt: at });
    // The others hear of it, and this one once it takes something again (`deliver`).
    if (!isKept) await raiseEvent(tx, means, notKept(webhookId, name));
  }
  return id;
}

function notKept(webhookId: string, name: string): NewEvent {
  const message =
    `so many events wait for the webhook ${name} that no more are kept for it: ` +
    "look why it takes none; GET /webhooks says how many were dropped";
  return { type: "limit.reached", subject: `webhook ${webhookId}`, message, detail: { webhook: webhookId } };
}
