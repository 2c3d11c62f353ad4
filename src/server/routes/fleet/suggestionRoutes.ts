import Type from "typebox";
import { ById, Effect, Id, KindName, ListFinding, OrNull } from "../../api/parts.ts";
import { route } from "../../api/route.ts";
import { acceptSuggestion, dismissSuggestion, listSuggestions } from "../../settings/answerSuggestion.ts";

const Suggestion = Type.Object({
  id: Id,
  kind: Type.Enum(["add", "split", "move", "remove"]),
  agent: Type.Object({ id: Id, name: Type.String() }),
  network: OrNull(Type.String()),
  entry: OrNull(
    Type.Object({
      range: Type.String(),
      name: Type.String(),
      url: Type.String(),
      kinds: Type.Array(KindName),
    }),
  ),
  entries: Type.Array(Type.Integer({ minimum: 0 })),
  saves: Type.Integer({ minimum: 0 }),
  reason: Type.String(),
});

const list = route({
  operation: "listSuggestions",
  method: "GET",
  path: "/suggestions",
  summary:
    "Suggests Update Agents to add, to divide and to take away, each with its reason and what it saves in a week",
  allow: "viewer",
  schemas: {},
  answer: Type.Object({ items: Type.Array(Suggestion) }),
  status: 200,
  example: {},
  fails: ["UNAVAILABLE"],
  audit: "none",
  handle: async (context) => ({ items: await listSuggestions(context) }),
});

const accept = route({
  operation: "acceptSuggestion",
  method: "POST",
  path: "/suggestions/:id/accept",
  summary: "Does what a suggestion says, in one publication: the role, and the entry of the source list",
  allow: "operator",
  schemas: { params: ById, body: Type.Object({ agent: Id }, { additionalProperties: false }) },
  answer: Type.Object({ version: Type.Integer(), findings: Type.Array(ListFinding), effect: OrNull(Effect) }),
  status: 200,
  example: { params: { id: "add_10-1-2-0_24" }, body: { agent: "some-agent" } },
  fails: [
    ...(["BODY_INVALID", "PARAMETER_INVALID", "NOT_FOUND", "CONFLICT", "REFUSED"] as const),
    ...(["IF_MATCH_MISSING", "CHANGED_MEANWHILE", "UNAVAILABLE"] as const),
  ],
  audit: "acceptSuggestion",
  area: "source-list",
  conditional: true,
  handle: async (context, { params, body, ifMatch, caller, address }) => {
    const accepted = { id: params.id, agent: body.agent, version: Number(ifMatch) };
    const saved = await acceptSuggestion(context, accepted, { caller, address });
    return { body: saved, version: saved.version };
  },
});

const dismiss = route({
  operation: "dismissSuggestion",
  method: "POST",
  path: "/suggestions/:id/dismiss",
  summary: "Lets a suggestion rest for 90 days",
  allow: "operator",
  schemas: { params: ById },
  status: 204,
  example: { params: { id: "add_10-1-2-0_24" } },
  fails: ["PARAMETER_INVALID", "NOT_FOUND", "UNAVAILABLE"],
  audit: "dismissSuggestion",
  handle: async (context, { params, caller, address }) => {
    await dismissSuggestion(context, params.id, { caller, address });
    return { body: undefined };
  },
});

export const suggestionRoutes = [list, accept, dismiss];
