import Type from "typebox";
import { ById, Id, KindName, Moment, OrNull } from "../../api/parts.ts";
import { route } from "../../api/route.ts";
import { watchedUpdateAgents } from "../../notify/lostUpdateAgents.ts";
import { grantRole, takeRole } from "../../settings/updateAgents.ts";

const Kinds = Type.Array(KindName, { uniqueItems: true, maxItems: 3 });

const UpdateAgent = Type.Object({
  id: Id,
  name: Type.String(),
  /** The port it listens at, by its last report: 0 for none, null while it has not said. */
  port: OrNull(Type.Integer({ minimum: 0, maximum: 65_535 })),
  kinds: Kinds,
  byHand: Kinds,
  byPolicies: Type.Array(Type.Object({ id: Id, name: Type.String(), kinds: Kinds })),
});

const Found = Type.Object({
  ...UpdateAgent.properties,
  addresses: Type.Array(Type.String()),
  /** The name of its machine, as it reported it; null while it has not said. It may be listed under another. */
  hostName: OrNull(Type.String()),
  /** Whether this server finds an address of that name; null where DNS could not be asked, or there is no name. */
  resolves: OrNull(Type.Boolean()),
  /** When it last asked for notifications, where it did so and is not connected any more. */
  lostAt: OrNull(Moment),
});

const list = route({
  operation: "listUpdateAgents",
  method: "GET",
  path: "/update-agents",
  summary:
    "Lists the holders of the Update Agent role, each with its kinds, who or what granted them, and the host name of its machine",
  allow: "viewer",
  schemas: {},
  answer: Type.Object({ items: Type.Array(Found) }),
  status: 200,
  example: {},
  fails: [],
  audit: "none",
  handle: async (context) => ({ items: await watchedUpdateAgents(context) }),
});

const put = route({
  operation: "grantUpdateAgent",
  method: "PUT",
  path: "/agents/:id/update-agent",
  summary: "Grants an agent kinds of the Update Agent role, in place of those that it was granted by hand",
  allow: "operator",
  schemas: {
    params: ById,
    body: Type.Object(
      { kinds: Type.Array(KindName, { minItems: 1, maxItems: 3, uniqueItems: true }) },
      { additionalProperties: false },
    ),
  },
  answer: UpdateAgent,
  status: 200,
  example: { params: { id: "some-agent" }, body: { kinds: ["components", "settings"] } },
  fails: ["BODY_INVALID", "PARAMETER_INVALID", "NOT_FOUND", "UNAVAILABLE"],
  audit: "grantUpdateAgent",
  handle: (context, { params, body, caller, address }) =>
    grantRole(context, params.id, body.kinds, { caller, address }),
});

const remove = route({
  operation: "takeUpdateAgent",
  method: "DELETE",
  path: "/agents/:id/update-agent",
  summary: "Takes the Update Agent role from an agent",
  allow: "operator",
  schemas: { params: ById },
  status: 204,
  example: { params: { id: "some-agent" } },
  fails: ["NOT_FOUND", "PARAMETER_INVALID", "CONFLICT", "UNAVAILABLE"],
  audit: "takeUpdateAgent",
  handle: async (context, { params, caller, address }) => {
    await takeRole(context, params.id, { caller, address });
    return { body: undefined };
  },
});

export const updateAgentRoutes = [list, put, remove];
