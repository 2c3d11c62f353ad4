import Type, { type Static } from "typebox";
import { TOLD_STATES } from "../../../core/fleet/notification/told.ts";
import { pageOf, pageQuery, readCursor, toPage } from "../../api/paging.ts";
import { ById, DomainName, Id, Moment, OrNull } from "../../api/parts.ts";
import { route } from "../../api/route.ts";
import type { Context } from "../../context.ts";
import { tellOthers } from "../../notify/awaited.ts";
import { createNotification } from "../../notify/createNotification.ts";
import { notificationEvents, notificationView } from "../../notify/notificationView.ts";
import {
  countNotifications,
  countTold,
  countToldByDomain,
  listNotifications,
  listTold,
} from "../../store/notifications/notificationStore.ts";

/** Agents that one notification names at most. */
const MOST_NAMED = 10_000;

const only = { additionalProperties: false };
const Target = Type.Union([
  Type.Object({ all: Type.Literal(true) }, only),
  Type.Object({ domain: DomainName }, only),
  Type.Object({ agents: Type.Array(Id, { minItems: 1, maxItems: MOST_NAMED, uniqueItems: true }) }, only),
]);

const Count = Type.Integer({ minimum: 0 });
const Notification = Type.Object({
  id: Id,
  createdAt: Moment,
  createdBy: Type.String(),
  target: Target,
  run: Type.Boolean(),
  state: Type.Enum(["update-agents", "spreading", "told", "ended", "absorbed"]),
  updateAgents: Count,
  others: Count,
  window: Count,
  spreadAt: OrNull(Moment),
  endedAt: OrNull(Moment),
  absorbedBy: OrNull(Id),
});
const Counts = Type.Object({
  waiting: Count,
  notified: Count,
  running: Count,
  done: Count,
  failed: Count,
  unreachable: Count,
});
/** Agents of `counts.done` that had it already, and did not run. */
const Current = Count;
const WaitsFor = OrNull(
  Type.Object({
    agents: Type.Array(Type.Object({ id: Id, name: Type.String() })),
    total: Count,
    until: Moment,
  }),
);
const View = Type.Object({
  ...Notification.properties,
  counts: Counts,
  current: Current,
  waitsFor: WaitsFor,
});
const ToldState = Type.Enum(TOLD_STATES);
const ToldAgent = Type.Object({
  id: Id,
  name: Type.String(),
  state: ToldState,
  code: OrNull(Type.String()),
  attempts: Count,
  toldAt: OrNull(Moment),
  nextAt: OrNull(Moment),
});

const isNamePlace = (value: unknown): value is { name: string; id: string } =>
  typeof (value as { name?: unknown })?.name === "string" &&
  typeof (value as { id?: unknown }).id === "string";
const isMoment = (value: unknown): value is { createdAt: number; id: string } =>
  Number.isSafeInteger((value as { createdAt?: unknown })?.createdAt) &&
  typeof (value as { id?: unknown }).id === "string";

async function toldPage(
  { database: { db } }: Context,
  id: string,
  query: { cursor?: string; limit?: number; state?: Static<typeof ToldState> },
) {
  const { after, limit } = readCursor(query, isNamePlace);
  const state = query.state ?? "unreachable";
  const found = await listTold(db, id, state, { after, limit: limit + 1 });
  const counts = await countTold(db, id);
  return toPage(found, limit, counts[state], ({ name, id: agent }) => ({ name, id: agent }));
}

const create = route({
  operation: "createNotification",
  method: "POST",
  path: "/notifications",
  summary: "Notifies agents: Update Agents first, the others once those have synced, spread over a window",
  allow: "operator",
  schemas: {
    body: Type.Object(
      {
        target: Target,
        /** Agents that ask for notifications are to run even if they have what is told already. */
        run: Type.Optional(Type.Boolean()),
      },
      only,
    ),
  },
  answer: View,
  status: 201,
  example: { body: { target: { all: true } } },
  fails: ["BODY_INVALID", "REFUSED", "UNAVAILABLE"],
  audit: "createNotification",
  handle: async (context, { body, caller, address }) => {
    const id = await createNotification(context, body.target, { caller, address }, body.run);
    return await notificationView(context, id);
  },
});

const list = route({
  operation: "listNotifications",
  method: "GET",
  path: "/notifications",
  summary: "Lists notifications, the newest first",
  allow: "viewer",
  schemas: { query: Type.Object(pageQuery) },
  answer: pageOf(Notification),
  status: 200,
  example: { query: { limit: 10 } },
  fails: ["PARAMETER_INVALID"],
  audit: "none",
  handle: async ({ database: { db } }, { query }) => {
    const { after: before, limit } = readCursor(query, isMoment);
    const found = await listNotifications(db, { before, limit: limit + 1 });
    const total = await countNotifications(db);
    return toPage(found, limit, total, ({ createdAt, id }) => ({ createdAt, id }));
  },
});

const one = route({
  operation: "getNotification",
  method: "GET",
  path: "/notifications/:id",
  summary:
    "Shows a notification: where its agents are, also by domain, how many of those done had it already (`current`), which Update Agents the others wait for (`waitsFor`), and those that could not be reached by name",
  allow: "viewer",
  schemas: { params: ById, query: Type.Object(pageQuery) },
  answer: Type.Object({
    ...View.properties,
    /** At most the 200 domains with the most of its agents. */
    domains: Type.Array(Type.Object({ domain: DomainName, counts: Counts, current: Current })),
    unreachable: pageOf(ToldAgent),
  }),
  status: 200,
  example: { params: { id: "some-notification" }, query: { limit: 10 } },
  fails: ["NOT_FOUND", "PARAMETER_INVALID"],
  audit: "none",
  handle: async (context, { params, query }) => {
    const view = await notificationView(context, params.id);
    const domains = await countToldByDomain(context.database.db, params.id);
    return { ...view, domains, unreachable: await toldPage(context, params.id, query) };
  },
});

const tell = route({
  operation: "tellOthers",
  method: "POST",
  path: "/notifications/:id/tell-others",
  summary: "Tells the others now, without waiting for Update Agents; nothing where none is waited for",
  allow: "operator",
  schemas: { params: ById },
  answer: View,
  status: 200,
  example: { params: { id: "some-notification" } },
  fails: ["NOT_FOUND", "PARAMETER_INVALID"],
  audit: "tellOthers",
  handle: async (context, { params, caller, address }) => {
    await tellOthers(context, params.id, { caller, address });
    return await notificationView(context, params.id);
  },
});

const agents = route({
  operation: "listNotificationAgents",
  method: "GET",
  path: "/notifications/:id/agents",
  summary: "Lists a notification's agents in one state, by name",
  allow: "viewer",
  schemas: { params: ById, query: Type.Object({ ...pageQuery, state: Type.Optional(ToldState) }) },
  answer: pageOf(ToldAgent),
  status: 200,
  example: { params: { id: "some-notification" }, query: { state: "failed" } },
  fails: ["NOT_FOUND", "PARAMETER_INVALID"],
  audit: "none",
  handle: async (context, { params, query }) => {
    await notificationView(context, params.id);
    return await toldPage(context, params.id, query);
  },
});

const events = route({
  operation: "watchNotification",
  method: "GET",
  path: "/notifications/:id/events",
  summary: "Says whenever a notification has changed, as events; 204 when too many are watching",
  allow: "viewer",
  schemas: { params: ById },
  answer: Type.String(),
  status: 200,
  streams: true,
  example: { params: { id: "some-notification" } },
  fails: ["NOT_FOUND", "PARAMETER_INVALID"],
  audit: "none",
  handle: async (context, { params, gone }) => {
    const stream = await notificationEvents(context, params.id, gone);
    return stream === undefined ? { body: "", status: 204 } : { body: "", events: stream };
  },
});

export const notificationRoutes = [create, list, one, tell, agents, events];
