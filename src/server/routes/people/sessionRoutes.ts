import Type from "typebox";
import { changeOwnPassword } from "../../access/accounts/users.ts";
import { setUp, signIn } from "../../access/signIn.ts";
import { ById, Id, Moment, NewPassword, RoleName, UserName } from "../../api/parts.ts";
import { Problem } from "../../api/problem.ts";
import { route } from "../../api/route.ts";
import { deleteOwnSession, deleteSession, listSessions } from "../../store/people/sessionStore.ts";
import { transact } from "../../store/transaction.ts";

const SignedIn = Type.Object({ id: Id, user: Type.String(), role: RoleName });

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
  fails: ["BODY_INVALID", "REFUSED", "TOKEN_INVALID", "NOT_FOUND", "TOO_MANY"],
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
      {
        user: Type.String({ maxLength: 100 }),
        password: Type.String({ maxLength: 1_000 }),
        /** Of the second factor, or a recovery code. */
        code: Type.Optional(Type.String({ maxLength: 50 })),
      },
      { additionalProperties: false },
    ),
  },
  answer: SignedIn,
  status: 201,
  example: { body: { user: "ada", password: "correct horse battery" } },
  fails: [
    ...(["BODY_INVALID", "CREDENTIALS_WRONG", "SECOND_FACTOR_NEEDED", "SECOND_FACTOR_WRONG"] as const),
    ...(["TOO_MANY", "UNAVAILABLE"] as const),
  ],
  audit: "none",
  handle: (context, { body, address, userAgent }) => signIn(context, { ...body, address, userAgent }),
});

const ownSession = route({
  operation: "getSession",
  method: "GET",
  path: "/session",
  summary: "Says who is signed in",
  allow: "viewer",
  scope: "any",
  schemas: {},
  answer: SignedIn,
  status: 200,
  example: {},
  fails: [],
  audit: "none",
  handle: async (_, { caller }) => {
    // A caller that is admitted has a name and a role (`refusalOf`).
    const { id, name, role } = caller as Extract<typeof caller, { kind: "user" }>;
    return { id, user: name, role };
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

const Session = Type.Object({
  id: Id,
  createdAt: Moment,
  seenAt: Moment,
  expiresAt: Moment,
  address: Type.String(),
  agent: Type.String(),
  /** It is the one that asks. */
  current: Type.Boolean(),
});

const list = route({
  operation: "listSessions",
  method: "GET",
  path: "/sessions",
  summary: "Lists one's own sessions, the one used last first",
  allow: "viewer",
  schemas: {},
  answer: Type.Object({ items: Type.Array(Session) }),
  status: 200,
  example: {},
  fails: [],
  audit: "none",
  handle: async ({ database, now }, { caller }) => {
    if (caller.kind !== "user") return { items: [] };
    const own = await listSessions(database.db, caller.id, now());
    return { items: own.map((each) => ({ ...each, current: each.id === caller.session })) };
  },
});

const revoke = route({
  operation: "deleteSession",
  method: "DELETE",
  path: "/sessions/:id",
  summary: "Ends one of one's own sessions",
  allow: "viewer",
  schemas: { params: ById },
  status: 204,
  example: { params: { id: "0123456789abcdef" } },
  fails: ["NOT_FOUND", "PARAMETER_INVALID"],
  audit: "none",
  handle: async ({ database }, { params, caller }) => {
    const own = caller.kind === "user" ? caller.id : "";
    const ended = await transact(database.db, (tx) => deleteOwnSession(tx, own, params.id));
    if (!ended) throw new Problem("NOT_FOUND", "no session of yours has this id");
    return { body: undefined };
  },
});

const password = route({
  operation: "changePassword",
  method: "PUT",
  path: "/session/password",
  summary: "Changes one's own password; one's other sessions end",
  allow: "viewer",
  schemas: {
    body: Type.Object(
      { old: Type.String({ maxLength: 1_000 }), password: NewPassword },
      { additionalProperties: false },
    ),
  },
  status: 204,
  example: { body: { old: "correct horse battery", password: "another horse battery" } },
  fails: ["BODY_INVALID", "CONFLICT", "REFUSED", "TOO_MANY"],
  audit: "changePassword",
  handle: async (context, { body, caller, address }) => {
    await changeOwnPassword(context, body, { caller, address });
    return { body: undefined };
  },
});

export const sessionRoutes = [setUpRoute, signInRoute, ownSession, signOut, list, revoke, password];
