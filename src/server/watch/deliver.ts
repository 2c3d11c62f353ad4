import { verdictOf } from "../../core/fleet/watch/delivery.ts";
import { onOneLine } from "../../errors.ts";
import type { Context } from "../context.ts";
import { type Tx, transact } from "../store/transaction.ts";
import { type DueDelivery, failWaiting, noteDelivery } from "../store/watch/deliveryStore.ts";
import { tellDropped, updateWebhook } from "../store/watch/webhookStore.ts";
import { raiseEvent } from "./raiseEvent.ts";
import { sendWebhook } from "./sendWebhook.ts";

/**
 * Tries one delivery, and writes down what became of it.
 *
 * @throws NearsourceError KEY_INVALID, INTERRUPTED; nothing is written then
 */
export async function deliver(context: Context, due: DueDelivery, signal: AbortSignal): Promise<void> {
  const { database, now, random, log, metrics } = context;
  const answer = await sendWebhook(context, due, signal);
  const attempts = due.attempts + 1;
  const chance = random(4).readUInt32LE() / 2 ** 32;
  const { state, nextAt, code, disable } = verdictOf({ ...due, answer, attempts }, now(), chance);
  const endedAt = state === "waiting" ? null : now();
  await transact(database.db, async (tx) => {
    await noteDelivery(tx, due, { state, attempts, nextAt, endedAt, code });
    const failingSince = code === null ? null : (due.failingSince ?? now());
    const disabled = disable === null ? {} : { disabledAt: now(), disabledReason: disable };
    await updateWebhook(tx, due.webhookId, { failingSince, ...disabled });
    if (disable !== null) await failWaiting(tx, due.webhookId, "DISABLED", now());
    if (state === "delivered") await sayDropped(tx, context, due.webhookId);
  });
  metrics.toldWebhook(state === "delivered" ? "delivered" : "failed");
  if (disable !== null) {
    log.error(onOneLine(`the webhook ${due.webhookId} is told of nothing more: ${disable}`));
  }
}

/** Tells a webhook that takes events again how many were not kept for it. */
async function sayDropped(tx: Tx, context: Context, webhookId: string): Promise<void> {
  const dropped = await tellDropped(tx, webhookId);
  if (dropped === undefined) return;
  const { untold, since, last } = dropped;
  const [from, to] = [since, last].map((time) => new Date(time).toISOString());
  const events = untold === 1 ? "1 event was" : `${untold} events were`;
  const message = `${events} not kept for this webhook, since too many waited: from ${from} to ${to}`;
  const subject = `dropped ${webhookId} ${last}`;
  const detail = { webhook: webhookId, dropped: untold, since, last };
  await raiseEvent(tx, context, { type: "limit.reached", subject, message, detail }, webhookId);
  context.log.warn(onOneLine(`the webhook ${webhookId} takes events again; ${message}`));
}
