import Type from "typebox";
import { createApiToken, removeApiToken } from "../../access/accounts/apiTokens.ts";
import { ById, Id, Moment, OrNull, RoleName, UserName } from "../../api/parts.ts";
import { route } from "../../api/route.ts";
import { listApiTokens } from "../../store/people/tokenStore.ts";

const Token = Type.Object({
  id: Id,
  name: Type.String(),
  role: RoleName,
  createdBy: Type.String(),
  createdAt: Moment,
  expiresAt: OrNull(Moment),
  usedAt: OrNull(Moment),
  /** Reason for which it opens nothing; null for one that works. */
  stopped: OrNull(Type.Enum(["maker unknown", "maker deleted", "maker shut out", "expired"])),
  /** Operations and areas that it is for; null for all that its role may. */
  scope: OrNull(Type.Array(Type.String())),
});

const list = route({
  operation: "listApiTokens",
  method: "GET",
  path: "/api-tokens",
  summary: "Lists the API tokens, without their secrets",
  allow: "administrator",
  schemas: {},
  answer: Type.Object({ items: Type.Array(Token) }),
  status: 200,
  example: {},
  fails: [],
  audit: "none",
  handle: async ({ database, now }) => ({ items: await listApiTokens(database.db, now()) }),
});

/** Operations by name, areas, or `read` for all that changes nothing. */
const Scope = Type.Array(Type.String({ pattern: "^[A-Za-z-]{1,50}$" }), { minItems: 1, maxItems: 100 });

const create = (known: () => ReadonlySet<string>) =>
  route({
    operation: "createApiToken",
    method: "POST",
    path: "/api-tokens",
    summary: "Makes a token for a program, which is shown this once",
    allow: "administrator",
    schemas: {
      body: Type.Object(
        { name: UserName, role: RoleName, expires: Type.Optional(Moment), scope: Type.Optional(Scope) },
        { additionalProperties: false },
      ),
    },
    answer: Type.Object({ id: Id, token: Type.String() }),
    status: 201,
    example: { body: { name: "the inventory", role: "viewer" } },
    fails: ["BODY_INVALID", "NOT_ALLOWED", "CONFLICT", "REFUSED"],
    audit: "createApiToken",
    handle: (context, { body, caller, address }) =>
      createApiToken(context, body, known(), { caller, address }),
  });

const remove = route({
  operation: "deleteApiToken",
  method: "DELETE",
  path: "/api-tokens/:id",
  summary: "Takes an API token back",
  allow: "administrator",
  schemas: { params: ById },
  status: 204,
  example: { params: { id: "some-token" } },
  fails: ["PARAMETER_INVALID", "NOT_FOUND"],
  audit: "deleteApiToken",
  handle: async (context, { params, caller, address }) => {
    await removeApiToken(context, params.id, { caller, address });
    return { body: undefined };
  },
});

/** @param known words that a scope may have, asked for once all routes are there */
export const apiTokenRoutes = (known: () => ReadonlySet<string>) => [list, create(known), remove];
