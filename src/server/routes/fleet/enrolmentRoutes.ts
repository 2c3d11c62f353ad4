import Type from "typebox";
import { ById, DomainName, Id, Moment, OrNull } from "../../api/parts.ts";
import { route } from "../../api/route.ts";
import { createEnrolmentToken, removeEnrolmentToken } from "../../fleet/enrolmentTokens.ts";
import { listEnrolmentTokens } from "../../store/people/tokenStore.ts";

const Token = Type.Object({
  id: Id,
  uses: OrNull(Type.Integer()),
  used: Type.Integer(),
  domain: DomainName,
  createdBy: Type.String(),
  createdAt: Moment,
  expiresAt: OrNull(Moment),
});

const list = route({
  operation: "listEnrolmentTokens",
  method: "GET",
  path: "/enrolment-tokens",
  summary: "Lists the enrolment tokens, without their secrets",
  allow: "operator",
  schemas: {},
  answer: Type.Object({ items: Type.Array(Token) }),
  status: 200,
  example: {},
  fails: [],
  audit: "none",
  handle: async ({ database }) => ({ items: await listEnrolmentTokens(database.db) }),
});

const create = route({
  operation: "createEnrolmentToken",
  method: "POST",
  path: "/enrolment-tokens",
  summary: "Makes an enrolment token, which is shown this once",
  allow: "operator",
  schemas: {
    body: Type.Object(
      {
        uses: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000 })),
        expires: Type.Optional(Moment),
        domain: Type.Optional(DomainName),
      },
      { additionalProperties: false },
    ),
  },
  answer: Type.Object({
    id: Id,
    token: Type.String(),
    /** Place that agents come in at, for the command that uses the token; the host of `publicUrl`, or null. */
    agents: Type.Object({ host: OrNull(Type.String()), port: Type.Integer(), tls: Type.Boolean() }),
  }),
  status: 201,
  example: { body: { uses: 100, domain: "default" } },
  fails: ["BODY_INVALID", "REFUSED", "UNAVAILABLE"],
  audit: "createEnrolmentToken",
  handle: (context, { body, caller, address }) => createEnrolmentToken(context, body, { caller, address }),
});

const remove = route({
  operation: "deleteEnrolmentToken",
  method: "DELETE",
  path: "/enrolment-tokens/:id",
  summary: "Takes an enrolment token back",
  allow: "operator",
  schemas: { params: ById },
  status: 204,
  example: { params: { id: "some-token" } },
  fails: ["NOT_FOUND"],
  audit: "deleteEnrolmentToken",
  handle: async (context, { params, caller, address }) => {
    await removeEnrolmentToken(context, params.id, { caller, address });
    return { body: undefined };
  },
});

export const enrolmentRoutes = [list, create, remove];
