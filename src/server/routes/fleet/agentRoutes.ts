import Type, { type Static } from "typebox";
import { AGENT_STATES } from "../../../core/fleet/agentState.ts";
import { isNumber, pageOf, pageQuery, readCursor, toPage } from "../../api/paging.ts";
import { ById, DomainName, Id, Moment, OrNull } from "../../api/parts.ts";
import { route } from "../../api/route.ts";
import { agentOrder } from "../../fleet/agentOrder.ts";
import { agentView, agentViews } from "../../fleet/agentViews.ts";
import { moveToDomain } from "../../fleet/moveAgent.ts";
import { forgetAgent } from "../../settings/updateAgents.ts";
import { countRuns, listRuns } from "../../store/fleet/runStore.ts";

const State = Type.Enum(AGENT_STATES);
const RoleOfAgent = Type.Enum(["agent", "update-agent"]);
const Count = Type.Integer({ minimum: 0 });

const Agent = Type.Object({
  id: Id,
  name: Type.String(),
  domain: DomainName,
  addresses: Type.Array(Type.String()),
  dnsSuffixes: Type.Array(Type.String()),
  port: OrNull(Type.Integer({ minimum: 0 })),
  hostNames: Type.Array(Type.String()),
  urls: Type.Array(Type.String()),
  program: Type.String(),
  createdAt: Moment,
  reportedAt: OrNull(Moment),
  outcome: OrNull(Type.String()),
  code: OrNull(Type.String()),
  source: OrNull(Type.String()),
  cloneOf: OrNull(Id),
  doubledAt: OrNull(Moment),
  revokedAt: OrNull(Moment),
  state: State,
  role: RoleOfAgent,
  planned: OrNull(Type.String()),
  deviatesSince: OrNull(Moment),
  freeBytes: OrNull(Count),
  contentVersion: OrNull(Count),
  settingsVersion: OrNull(Count),
});

/** An agent of a list; where that is of those that do not do what the list says, with the sentence that says why. */
const ListedAgent = Type.Object({ ...Agent.properties, why: Type.Optional(Type.String()) });

const Run = Type.Object({
  sequence: Type.Integer(),
  startedAt: Moment,
  endedAt: Moment,
  receivedAt: Moment,
  trigger: Type.String(),
  outcome: Type.String(),
  code: OrNull(Type.String()),
  bytes: Type.Integer({ minimum: 0 }),
  document: Type.Unknown(),
});

const AgentQuery = Type.Object({
  ...pageQuery,
  domain: Type.Optional(DomainName),
  q: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
  state: Type.Optional(State),
  role: Type.Optional(RoleOfAgent),
  outcome: Type.Optional(Type.String({ maxLength: 50 })),
  source: Type.Optional(Type.String({ maxLength: 500 })),
  deviates: Type.Optional(Type.Boolean()),
});

const NamePlace = Type.Object({ name: Type.String(), id: Type.String() });
const isNamePlace = (value: unknown): value is Static<typeof NamePlace> =>
  typeof (value as { name?: unknown })?.name === "string" &&
  typeof (value as { id?: unknown }).id === "string";

const list = route({
  operation: "listAgents",
  method: "GET",
  path: "/agents",
  summary:
    "Lists agents by name, and counts them by state; with `deviates=true` those that do not do what the list says, each with `why`",
  allow: "viewer",
  schemas: { query: AgentQuery },
  answer: Type.Object({
    ...pageOf(ListedAgent).properties,
    states: Type.Object({ online: Count, late: Count, failing: Count, outdated: Count, never: Count }),
  }),
  status: 200,
  example: { query: { limit: 10 } },
  fails: ["PARAMETER_INVALID"],
  audit: "none",
  handle: async (context, { query }) => {
    const { after, limit } = readCursor(query, isNamePlace);
    const { items, total, states } = await agentViews(context, query, { after, limit: limit + 1 });
    return { ...toPage(items, limit, total, ({ name, id }) => ({ name, id })), states };
  },
});

const one = route({
  operation: "getAgent",
  method: "GET",
  path: "/agents/:id",
  summary: "Shows one agent",
  allow: "viewer",
  schemas: { params: ById },
  answer: Agent,
  status: 200,
  example: { params: { id: "some-agent" } },
  fails: ["NOT_FOUND"],
  audit: "none",
  handle: (context, { params }) => agentView(context, params.id),
});

const order = route({
  operation: "getAgentOrder",
  method: "GET",
  path: "/agents/:id/order",
  summary:
    "Shows where an agent should go by the update order, where it went, what differs, and when it runs next",
  allow: "viewer",
  schemas: { params: ById },
  answer: Type.Object({
    planned: Type.Object({
      steps: Type.Array(Type.Unknown()),
      skipped: Type.Array(Type.Unknown()),
      uncovered: Type.Array(Type.String()),
    }),
    happened: OrNull(Type.Array(Type.Unknown())),
    deviates: Type.Boolean(),
    since: OrNull(Moment),
    sentence: Type.String(),
    next: OrNull(Moment),
  }),
  status: 200,
  example: { params: { id: "some-agent" } },
  fails: ["NOT_FOUND"],
  audit: "none",
  handle: (context, { params }) => agentOrder(context, params.id),
});

const runs = route({
  operation: "listRuns",
  method: "GET",
  path: "/agents/:id/runs",
  summary: "Lists an agent's runs, the newest first, each with its report as it came",
  allow: "viewer",
  schemas: { params: ById, query: Type.Object(pageQuery) },
  answer: pageOf(Run),
  status: 200,
  example: { params: { id: "some-agent" }, query: { limit: 5 } },
  fails: ["NOT_FOUND", "PARAMETER_INVALID"],
  audit: "none",
  handle: async (context, { params, query }) => {
    const { db } = context.database;
    const { after: before, limit } = readCursor(query, isNumber);
    await agentView(context, params.id);
    const found = await listRuns(db, params.id, { before, limit: limit + 1 });
    return toPage(found, limit, await countRuns(db, params.id), ({ sequence }) => sequence);
  },
});

const move = route({
  operation: "moveAgent",
  method: "PATCH",
  path: "/agents/:id",
  summary: "Moves an agent to another domain",
  allow: "operator",
  schemas: { params: ById, body: Type.Object({ domain: DomainName }, { additionalProperties: false }) },
  answer: Agent,
  status: 200,
  example: { params: { id: "some-agent" }, body: { domain: "default" } },
  fails: ["NOT_FOUND", "BODY_INVALID", "REFUSED", "CONFLICT"],
  audit: "moveAgent",
  handle: (context, { params, body, caller, address }) =>
    moveToDomain(context, params.id, body.domain, { caller, address }),
});

const remove = route({
  operation: "deleteAgent",
  method: "DELETE",
  path: "/agents/:id",
  summary: "Forgets an agent, its runs and its secret",
  allow: "administrator",
  schemas: { params: ById },
  status: 204,
  example: { params: { id: "some-agent" } },
  fails: ["NOT_FOUND", "UNAVAILABLE"],
  audit: "deleteAgent",
  handle: async (context, { params, caller, address }) => {
    await forgetAgent(context, params.id, { caller, address });
    return { body: undefined };
  },
});

export const agentRoutes = [list, one, order, runs, move, remove];
