import { createHmac } from "node:crypto";
import type { DeliveryAnswer } from "../../core/fleet/watch/delivery.ts";
import { createResolver, toLookup } from "../../dns/resolver.ts";
import { toNearsourceError } from "../../errors.ts";
import { parseRetryAfter } from "../../http/retryAfter.ts";
import { createExchange } from "../../http/smallClient.ts";
import { unseal } from "../access/sealedSecrets.ts";
import type { Context } from "../context.ts";
import type { DueDelivery } from "../store/watch/deliveryStore.ts";
import { allowedRanges, refusePrivateUrl, refusingLookup } from "./webhookUrl.ts";

/** Longest time (ms) of an attempt, and most bytes of an answer, of which only the status counts. */
const TIMEOUT = 15_000;
const ANSWER_LIMIT = 65_536;
/** Beginning of a secret of Standard Webhooks; the rest is base64. */
export const SECRET_PREFIX = "whsec_";

/**
 * The signature of one attempt (Standard Webhooks 1.0, "Signature scheme": `v1`, HMAC-SHA256 over id, time and body).
 *
 * @param at seconds since the epoch
 */
export function signatureOf(secret: string, id: string, at: number, body: string): string {
  const key = Buffer.from(secret.replace(SECRET_PREFIX, ""), "base64");
  return `v1,${createHmac("sha256", key).update(`${id}.${at}.${body}`).digest("base64")}`;
}

/**
 * Sends an event to a webhook, once. No redirect is followed.
 *
 * @returns the answer, or the code of what went wrong
 * @throws NearsourceError KEY_INVALID where this server cannot sign for it, INTERRUPTED once `signal` aborts
 */
export async function sendWebhook(
  context: Context,
  { eventId, webhookId, url, body, secret: sealed }: DueDelivery,
  signal: AbortSignal,
): Promise<DeliveryAnswer> {
  const { config, now } = context;
  const secret = await unseal(context, `webhook ${webhookId}`, sealed);
  const allowed = allowedRanges(config.webhooks.allow);
  const at = Math.floor(now() / 1_000);
  const headers = {
    "webhook-id": eventId,
    "webhook-timestamp": String(at),
    "webhook-signature": signatureOf(secret, eventId, at, body),
  };
  const exchange = createExchange(refusingLookup(toLookup(createResolver(config.dns)), allowed));
  try {
    refusePrivateUrl(url, allowed);
    const request = { method: "POST", url, body, headers, timeout: TIMEOUT, limit: ANSWER_LIMIT } as const;
    const answer = await exchange.send({ ...request, signal });
    return { status: answer.status, retryAfter: parseRetryAfter(answer.headers["retry-after"], now()) };
  } catch (error) {
    if (signal.aborted) throw error;
    return { code: toNearsourceError(error).code };
  } finally {
    exchange.close();
  }
}
