import Type from "typebox";
import { setUp, signIn } from "../access/signIn.ts";
import { NewPassword, RoleName, UserName } from "../api/parts.ts";
import { route } from "../api/route.ts";
import { deleteSession } from "../store/sessionStore.ts";
import { transact } from "../store/transaction.ts";

const SignedIn = Type.Object({ user: Type.String(), role: RoleName });

const setUpRoute = route({
  operation: "setUp",
  method: "POST",
  path: "/setup",
  summary: "Makes the first administrator, with the token of the set-up link",
  allow: "set-up",
  schemas: {
    body: Type.Object(
      { token: Type.String({ maxLength: 200 }), user: UserName, password: NewPassword },
      { additionalProperties: false },
    ),
  },
  answer: SignedIn,
  status: 201,
  example: { body: { token: "the-token-of-the-link", user: "ada", password: "correct horse battery" } },
  fails: ["BODY_INVALID", "TOKEN_INVALID", "NOT_FOUND"],
  audit: "setUp",
  handle: (context, { body, address, userAgent }) => setUp(context, { ...body, address, userAgent }),
});

const signInRoute = route({
  operation: "signIn",
  method: "POST",
  path: "/session",
  summary: "Signs in",
  allow: "public",
  schemas: {
    body: Type.Object(
      { user: Type.String({ maxLength: 100 }), password: Type.String({ maxLength: 1_000 }) },
      { additionalProperties: false },
    ),
  },
  answer: SignedIn,
  status: 201,
  example: { body: { user: "ada", password: "correct horse battery" } },
  fails: ["BODY_INVALID", "CREDENTIALS_WRONG", "TOO_MANY"],
  audit: "none",
  handle: (context, { body, address, userAgent }) => signIn(context, { ...body, address, userAgent }),
});

const ownSession = route({
  operation: "getSession",
  method: "GET",
  path: "/session",
  summary: "Says who is signed in",
  allow: "viewer",
  schemas: {},
  answer: SignedIn,
  status: 200,
  example: {},
  fails: [],
  audit: "none",
  handle: async (_, { caller }) => {
    // Who may call this has a name and a role: `refusalOf` has seen to it.
    const { name, role } = caller as Extract<typeof caller, { kind: "user" }>;
    return { user: name, role };
  },
});

const signOut = route({
  operation: "signOut",
  method: "DELETE",
  path: "/session",
  summary: "Signs out",
  allow: "viewer",
  schemas: {},
  status: 204,
  example: {},
  fails: [],
  audit: "none",
  handle: async ({ database }, { caller }) => {
    if (caller.kind === "user") await transact(database.db, (tx) => deleteSession(tx, caller.session));
    return { body: undefined, cookie: null };
  },
});

export const sessionRoutes = [setUpRoute, signInRoute, ownSession, signOut];
