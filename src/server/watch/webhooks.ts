import type { EventType } from "../../core/fleet/watch/eventTypes.ts";
import { type By, writeAudit } from "../access/auditTrail.ts";
import { seal } from "../access/sealedSecrets.ts";
import { newId } from "../access/secrets.ts";
import { actorOf } from "../api/caller.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { takeTurn } from "../store/dialect.ts";
import { transact } from "../store/transaction.ts";
import { type Delivery, failWaiting, findDelivery } from "../store/watch/deliveryStore.ts";
import {
  deleteWebhook,
  findWebhook,
  forgetDropped,
  insertWebhook,
  listWebhooks,
  secretOfWebhook,
  updateWebhook,
  type Webhook,
} from "../store/watch/webhookStore.ts";
import { deliver } from "./deliver.ts";
import { raiseEvent } from "./raiseEvent.ts";
import { SECRET_PREFIX } from "./sendWebhook.ts";
import { allowedRanges, checkWebhookUrl, refusePrivateUrl } from "./webhookUrl.ts";

/** Webhooks of a server at most: each event is written down for each of them. */
const MOST = 50;
/** Bytes of a signing secret; Standard Webhooks asks for 24 to 64. */
const SECRET_LENGTH = 32;

const NONE_DROPPED = { dropped: 0, droppedSince: null, droppedLast: null };

export interface NewWebhook {
  name: string;
  url: string;
  events?: EventType[] | undefined;
}

/**
 * Makes a webhook. Its secret is shown this once.
 *
 * @throws Problem REFUSED for a URL that nothing is sent to, CONFLICT for one too many
 */
export async function createWebhook(
  context: Context,
  { name, url, events = [] }: NewWebhook,
  by: By,
): Promise<Webhook & { secret: string }> {
  const { database, now, random } = context;
  checkUrl(context, url);
  const id = newId(random);
  const { secret, sealed } = await makeSecret(context, id);
  const row = { id, name, url, events, createdBy: actorOf(by.caller), createdAt: now() };
  await transact(database.db, async (tx) => {
    await takeTurn(tx, "webhooks");
    if ((await listWebhooks(tx)).length >= MOST) {
      throw new Problem("CONFLICT", `there are ${MOST} webhooks already: delete one that is not needed`);
    }
    await insertWebhook(tx, { ...row, secret: sealed });
    await writeAudit(tx, context, by, { operation: "createWebhook", subject: id, detail: shown(row) });
  });
  return { ...row, failingSince: null, disabledAt: null, disabledReason: null, ...NONE_DROPPED, secret };
}

/**
 * Changes a webhook; one that was switched on again starts afresh.
 *
 * @throws Problem NOT_FOUND, REFUSED
 */
export async function changeWebhook(
  context: Context,
  id: string,
  { enabled, ...changes }: Partial<NewWebhook> & { enabled?: boolean | undefined },
  by: By,
): Promise<Webhook> {
  const { database, now } = context;
  if (changes.url !== undefined) checkUrl(context, changes.url);
  return await transact(database.db, async (tx) => {
    const before = (await findWebhook(tx, id)) ?? unknownWebhook();
    const on = enabled === true ? { failingSince: null, disabledAt: null, disabledReason: null } : {};
    const off = enabled === false ? { disabledAt: before.disabledAt ?? now(), disabledReason: null } : {};
    await updateWebhook(tx, id, { ...changes, ...on, ...off } as Partial<Webhook>);
    if (enabled === true) await forgetDropped(tx, id);
    if (enabled === false) await failWaiting(tx, id, "DISABLED", now());
    const after = (await findWebhook(tx, id)) ?? unknownWebhook();
    const detail = { ...shown(after), enabled: after.disabledAt === null };
    await writeAudit(tx, context, by, { operation: "changeWebhook", subject: id, detail });
    return after;
  });
}

/**
 * Gives a webhook another secret, which is shown this once and counts from now on.
 *
 * @throws Problem NOT_FOUND
 */
export async function renewWebhookSecret(context: Context, id: string, by: By): Promise<{ secret: string }> {
  const { secret, sealed } = await makeSecret(context, id);
  await transact(context.database.db, async (tx) => {
    const { name } = (await findWebhook(tx, id)) ?? unknownWebhook();
    await updateWebhook(tx, id, { secret: sealed });
    await writeAudit(tx, context, by, { operation: "renewWebhookSecret", subject: id, detail: { name } });
  });
  return { secret };
}

/** @throws Problem NOT_FOUND */
export async function removeWebhook(context: Context, id: string, by: By): Promise<void> {
  await transact(context.database.db, async (tx) => {
    const found = (await findWebhook(tx, id)) ?? unknownWebhook();
    await deleteWebhook(tx, id);
    await writeAudit(tx, context, by, { operation: "deleteWebhook", subject: id, detail: shown(found) });
  });
}

/**
 * Sends a test event to one webhook now, and waits for what becomes of it. Where it failed it is tried again as any
 * other.
 *
 * @throws Problem NOT_FOUND, CONFLICT for a webhook that is switched off
 */
export async function testWebhook(
  context: Context,
  id: string,
  by: By,
  gone: AbortSignal,
): Promise<Delivery> {
  const { database } = context;
  const due = await transact(database.db, async (tx) => {
    const { name, url, failingSince, disabledAt } = (await findWebhook(tx, id)) ?? unknownWebhook();
    if (disabledAt !== null)
      throw new Problem("CONFLICT", "the webhook is switched off: switch it on first (PATCH /webhooks/<id>)");
    const secret = (await secretOfWebhook(tx, id)) ?? "";
    const message = `a test of the webhook ${name}`;
    const eventId = (await raiseEvent(tx, context, { type: "webhook.test", subject: id, message }, id)) ?? "";
    const { body } = await tx
      .selectFrom("events")
      .select("body")
      .where("id", "=", eventId)
      .executeTakeFirstOrThrow();
    await writeAudit(tx, context, by, { operation: "testWebhook", subject: id, detail: { name } });
    return { eventId, webhookId: id, raisedAt: context.now(), attempts: 0, url, body, secret, failingSince };
  });
  await deliver(context, due, gone);
  return (await findDelivery(database.db, due)) ?? unknownWebhook();
}

/** @throws Problem NOT_FOUND */
export async function webhookOf({ database: { db } }: Context, id: string): Promise<Webhook> {
  return (await findWebhook(db, id)) ?? unknownWebhook();
}

function unknownWebhook(): never {
  throw new Problem("NOT_FOUND", "no webhook has this id");
}

function checkUrl({ config }: Context, url: string): void {
  checkWebhookUrl(url);
  try {
    refusePrivateUrl(url, allowedRanges(config.webhooks.allow));
  } catch (error) {
    const { message } = error as Error;
    throw new Problem("REFUSED", message, { errors: [{ field: "url", message }] });
  }
}

async function makeSecret(context: Context, id: string): Promise<{ secret: string; sealed: string }> {
  const secret = `${SECRET_PREFIX}${context.random(SECRET_LENGTH).toString("base64")}`;
  return { secret, sealed: await seal(context, `webhook ${id}`, secret) };
}

/** Of a webhook, what the audit log may have: a path is often a secret. */
function shown({ name, url, events }: Pick<Webhook, "name" | "url" | "events">) {
  return { name, host: new URL(url).host, events };
}
