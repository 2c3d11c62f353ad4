import Type from "typebox";
import { EVENT_NAMES } from "../../../core/fleet/watch/eventTypes.ts";
import { pageOf, pageQuery, readCursor, toPage } from "../../api/paging.ts";
import { ById, Id, Moment, OrNull, UserName } from "../../api/parts.ts";
import { route } from "../../api/route.ts";
import { countDeliveries, DELIVERY_STATES, listDeliveries } from "../../store/watch/deliveryStore.ts";
import { listWebhooks } from "../../store/watch/webhookStore.ts";
import {
  changeWebhook,
  createWebhook,
  removeWebhook,
  renewWebhookSecret,
  testWebhook,
  webhookOf,
} from "../../watch/webhooks.ts";

const EventName = Type.Enum(EVENT_NAMES);
const Url = Type.String({ minLength: 8, maxLength: 2_000 });
const Events = Type.Array(EventName, { maxItems: EVENT_NAMES.length, uniqueItems: true });
const webhook = {
  id: Id,
  name: Type.String(),
  url: Type.String(),
  events: Type.Array(EventName),
  createdBy: Type.String(),
  createdAt: Moment,
  failingSince: OrNull(Moment),
  disabledAt: OrNull(Moment),
  disabledReason: OrNull(Type.String()),
  dropped: Type.Integer({ minimum: 0 }),
  droppedSince: OrNull(Moment),
  droppedLast: OrNull(Moment),
};
const Webhook = Type.Object(webhook);
const Delivery = Type.Object({
  eventId: Id,
  type: EventName,
  subject: Type.String(),
  raisedAt: Moment,
  state: Type.Enum(DELIVERY_STATES),
  attempts: Type.Integer({ minimum: 0 }),
  nextAt: OrNull(Moment),
  endedAt: OrNull(Moment),
  code: OrNull(Type.String()),
});
const params = { id: "some-webhook" };

const list = route({
  operation: "listWebhooks",
  method: "GET",
  path: "/webhooks",
  summary: "Lists the webhooks, without their secrets, and those that nothing can be delivered to",
  allow: "administrator",
  schemas: {},
  answer: Type.Object({ items: Type.Array(Webhook) }),
  status: 200,
  example: {},
  fails: [],
  audit: "none",
  handle: async ({ database }) => ({ items: await listWebhooks(database.db) }),
});

const create = route({
  operation: "createWebhook",
  method: "POST",
  path: "/webhooks",
  summary: "Makes a webhook, which is told of these events, or of all; its secret is shown this once",
  allow: "administrator",
  schemas: {
    body: Type.Object(
      { name: UserName, url: Url, events: Type.Optional(Events) },
      { additionalProperties: false },
    ),
  },
  answer: Type.Object({ ...webhook, secret: Type.String() }),
  status: 201,
  example: { body: { name: "the chat", url: "https://chat.example/hooks/1", events: ["release.halted"] } },
  fails: ["BODY_INVALID", "REFUSED", "CONFLICT"],
  audit: "createWebhook",
  handle: (context, { body, caller, address }) => createWebhook(context, body, { caller, address }),
});

const change = route({
  operation: "changeWebhook",
  method: "PATCH",
  path: "/webhooks/:id",
  summary: "Changes a webhook, switches one off, or on again",
  allow: "administrator",
  schemas: {
    params: ById,
    body: Type.Object(
      {
        name: Type.Optional(UserName),
        url: Type.Optional(Url),
        events: Type.Optional(Events),
        enabled: Type.Optional(Type.Boolean()),
      },
      { additionalProperties: false },
    ),
  },
  answer: Webhook,
  status: 200,
  example: { params, body: { enabled: true } },
  fails: ["PARAMETER_INVALID", "BODY_INVALID", "REFUSED", "NOT_FOUND"],
  audit: "changeWebhook",
  handle: (context, { params, body, caller, address }) =>
    changeWebhook(context, params.id, body, { caller, address }),
});

const renew = route({
  operation: "renewWebhookSecret",
  method: "POST",
  path: "/webhooks/:id/secret",
  summary: "Gives a webhook another secret, which is shown this once",
  allow: "administrator",
  schemas: { params: ById },
  answer: Type.Object({ secret: Type.String() }),
  status: 201,
  example: { params },
  fails: ["PARAMETER_INVALID", "NOT_FOUND"],
  audit: "renewWebhookSecret",
  handle: (context, { params, caller, address }) =>
    renewWebhookSecret(context, params.id, { caller, address }),
});

const remove = route({
  operation: "deleteWebhook",
  method: "DELETE",
  path: "/webhooks/:id",
  summary: "Deletes a webhook, and what is still to be delivered to it",
  allow: "administrator",
  schemas: { params: ById },
  status: 204,
  example: { params },
  fails: ["PARAMETER_INVALID", "NOT_FOUND"],
  audit: "deleteWebhook",
  handle: async (context, { params, caller, address }) => {
    await removeWebhook(context, params.id, { caller, address });
    return { body: undefined };
  },
});

const test = route({
  operation: "testWebhook",
  method: "POST",
  path: "/webhooks/:id/test",
  summary: "Sends a test event to a webhook now, and says what became of it",
  allow: "administrator",
  schemas: { params: ById },
  answer: Delivery,
  status: 200,
  example: { params },
  fails: ["PARAMETER_INVALID", "NOT_FOUND", "CONFLICT"],
  audit: "testWebhook",
  handle: (context, { params, caller, address, gone }) =>
    testWebhook(context, params.id, { caller, address }, gone),
});

const isPlace = (place: unknown): place is { raisedAt: number; eventId: string } =>
  typeof (place as { eventId?: unknown } | null)?.eventId === "string" &&
  Number.isSafeInteger((place as { raisedAt?: unknown }).raisedAt);

const deliveries = route({
  operation: "listWebhookDeliveries",
  method: "GET",
  path: "/webhooks/:id/deliveries",
  summary: "Lists what a webhook was told and is to be told, the newest first, with what went wrong",
  allow: "administrator",
  schemas: { params: ById, query: Type.Object(pageQuery) },
  answer: pageOf(Delivery),
  status: 200,
  example: { params, query: { limit: 20 } },
  fails: ["PARAMETER_INVALID", "NOT_FOUND"],
  audit: "none",
  handle: async (context, { params, query }) => {
    const { after: before, limit } = readCursor(query, isPlace);
    const { id } = await webhookOf(context, params.id);
    const found = await listDeliveries(context.database.db, id, { before, limit: limit + 1 });
    return toPage(found, limit, await countDeliveries(context.database.db, id), ({ raisedAt, eventId }) => ({
      raisedAt,
      eventId,
    }));
  },
});

export const webhookRoutes = [list, create, change, renew, remove, test, deliveries];
