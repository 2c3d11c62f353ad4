import Type from "typebox";
import { endSessionsOf, sessionsOf } from "../../access/sessionsOfOthers.ts";
import { ById, Id, Moment } from "../../api/parts.ts";
import { route } from "../../api/route.ts";

const Session = Type.Object({
  id: Id,
  createdAt: Moment,
  seenAt: Moment,
  expiresAt: Moment,
  address: Type.String(),
  agent: Type.String(),
});

const list = route({
  operation: "listSessionsOfUser",
  method: "GET",
  path: "/users/:id/sessions",
  summary: "Lists a user's sessions, the one used last first",
  allow: "administrator",
  schemas: { params: ById },
  answer: Type.Object({ items: Type.Array(Session) }),
  status: 200,
  example: { params: { id: "some-user" } },
  fails: ["NOT_FOUND", "PARAMETER_INVALID"],
  audit: "none",
  handle: async (context, { params }) => ({ items: await sessionsOf(context, params.id) }),
});

const endAll = route({
  operation: "endSessionsOfUser",
  method: "DELETE",
  path: "/users/:id/sessions",
  summary: "Signs a user out everywhere",
  allow: "administrator",
  schemas: { params: ById },
  status: 204,
  example: { params: { id: "some-user" } },
  fails: ["NOT_FOUND", "PARAMETER_INVALID"],
  audit: "endSessions",
  handle: async (context, { params, caller, address }) => {
    await endSessionsOf(context, { userId: params.id }, { caller, address });
    return { body: undefined };
  },
});

const endOne = route({
  operation: "endSessionOfUser",
  method: "DELETE",
  path: "/users/:id/sessions/:session",
  summary: "Ends one of a user's sessions",
  allow: "administrator",
  schemas: { params: Type.Object({ id: Id, session: Id }) },
  status: 204,
  example: { params: { id: "some-user", session: "0123456789abcdef" } },
  fails: ["NOT_FOUND", "PARAMETER_INVALID"],
  audit: "endSessions",
  handle: async (context, { params, caller, address }) => {
    await endSessionsOf(context, { userId: params.id, session: params.session }, { caller, address });
    return { body: undefined };
  },
});

export const userSessionRoutes = [list, endAll, endOne];
