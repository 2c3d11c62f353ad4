import { verdictOf } from "../../core/fleet/watch/delivery.ts";
import { onOneLine } from "../../errors.ts";
import type { Context } from "../context.ts";
import { transact } from "../store/transaction.ts";
import { type DueDelivery, failWaiting, noteDelivery } from "../store/watch/deliveryStore.ts";
import { updateWebhook } from "../store/watch/webhookStore.ts";
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
  });
  metrics.toldWebhook(state === "delivered" ? "delivered" : "failed");
  if (disable !== null) {
    log.error(onOneLine(`the webhook ${due.webhookId} is told of nothing more: ${disable}`));
  }
}
