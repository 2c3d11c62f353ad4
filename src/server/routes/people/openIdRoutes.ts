import Type from "typebox";
import { beginOpenId, endOpenId } from "../../access/openId/openIdSignIn.ts";
import { route } from "../../api/route.ts";

const ways = route({
  operation: "getSignInWays",
  method: "GET",
  path: "/session/ways",
  summary: "Says how people sign in here, beside by name and password",
  allow: "public",
  schemas: {},
  answer: Type.Object({ openId: Type.Boolean() }),
  status: 200,
  example: {},
  fails: [],
  audit: "none",
  handle: async ({ config }) => ({ openId: config.openId !== undefined }),
});

const begin = route({
  operation: "beginOpenId",
  method: "GET",
  path: "/session/openid",
  summary: "Sends a browser to the OpenID provider, where one is configured",
  allow: "public",
  schemas: {},
  status: 204,
  example: {},
  fails: ["NOT_FOUND", "TOO_MANY", "UNAVAILABLE"],
  audit: "none",
  handle: (context, { address }) => beginOpenId(context, address),
});

const Word = Type.Optional(Type.String({ maxLength: 4_000 }));

const end = route({
  operation: "endOpenId",
  method: "GET",
  path: "/session/openid/callback",
  summary: "Takes a browser back from the OpenID provider, and signs it in",
  allow: "public",
  schemas: {
    query: Type.Object({ state: Word, code: Word, iss: Word, error: Word, error_description: Word }),
  },
  answer: Type.Unknown(),
  status: 200,
  text: "text/html",
  example: { query: { state: "of-the-request", code: "of-the-provider" } },
  fails: ["NOT_FOUND", "NOT_SIGNED_IN", "NOT_ALLOWED", "PARAMETER_INVALID", "UNAVAILABLE"],
  audit: "createUser",
  handle: (context, { query, cookies, address, userAgent }) => {
    const words = query as Record<string, string>;
    return endOpenId(context, { words, browser: cookies[context.cookies.openId], address, userAgent });
  },
});

export const openIdRoutes = [ways, begin, end];
