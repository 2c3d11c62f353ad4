import Type from "typebox";
import { DnsSuffixes, DomainName, Effect, Id, ListFinding, OrNull } from "../../api/parts.ts";
import { route } from "../../api/route.ts";
import { askFleet } from "../../effect/fleetProcess.ts";
import { whatIf } from "../../effect/whatIf.ts";

const Document = Type.Record(Type.String(), Type.Unknown());

const Order = Type.Object({
  steps: Type.Array(Type.Unknown()),
  skipped: Type.Array(Type.Unknown()),
  uncovered: Type.Array(Type.String()),
});

const whatIfRoute = route({
  operation: "whatIf",
  method: "POST",
  path: "/what-if",
  summary:
    "Says what a list, a policy or dead sources would do: to one agent or address its order, else to the whole fleet, where an Update Agent counts once, by its own name, and is dead by every entry that leads to it; changes nothing",
  allow: "viewer",
  schemas: {
    body: Type.Object(
      {
        list: Type.Optional(Document),
        policy: Type.Optional(
          Type.Object(
            { domains: Type.Array(DomainName, { minItems: 1, maxItems: 1_000 }), settings: Document },
            { additionalProperties: false },
          ),
        ),
        without: Type.Optional(
          Type.Array(Type.String({ minLength: 1, maxLength: 2_000 }), { maxItems: 1_024 }),
        ),
        agent: Type.Optional(Id),
        address: Type.Optional(Type.String({ minLength: 1, maxLength: 45 })),
        domain: Type.Optional(DomainName),
        dnsSuffixes: Type.Optional(DnsSuffixes),
      },
      { additionalProperties: false },
    ),
  },
  answer: Type.Object({
    findings: Type.Array(ListFinding),
    order: OrNull(Order),
    effect: OrNull(Effect),
  }),
  status: 200,
  example: { body: { without: ["server"], address: "10.1.2.3" } },
  fails: ["BODY_INVALID", "REFUSED", "NOT_FOUND", "UNAVAILABLE"],
  audit: "none",
  handle: (context, { body }) => whatIf(context, body),
});

const uncovered = route({
  operation: "getUncovered",
  method: "GET",
  path: "/uncovered",
  summary: "Says in which networks (/24, /64) agents are that no entry of the source list matches",
  allow: "viewer",
  schemas: {},
  answer: Type.Object({
    agents: Type.Integer(),
    withoutAddress: Type.Integer(),
    networks: Type.Array(
      Type.Object({ network: Type.String(), agents: Type.Integer(), some: Type.Array(Id) }),
    ),
    more: Type.Integer(),
  }),
  status: 200,
  example: {},
  fails: ["UNAVAILABLE"],
  audit: "none",
  handle: (context) => askFleet(context, { uncovered: true }),
});

export const whatIfRoutes = [whatIfRoute, uncovered];
