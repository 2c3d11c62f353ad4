import Type from "typebox";
import {
  beginOwnFactor,
  confirmOwnFactor,
  endOwnFactor,
  ownFactor,
  resetFactor,
} from "../../access/secondFactor.ts";
import { ById } from "../../api/parts.ts";
import { route } from "../../api/route.ts";

const Password = Type.Object(
  { password: Type.String({ maxLength: 1_000 }) },
  { additionalProperties: false },
);

const own = route({
  operation: "getSecondFactor",
  method: "GET",
  path: "/session/second-factor",
  summary: "Shows whether one has a second factor, and whether one's role needs it",
  allow: "viewer",
  schemas: {},
  answer: Type.Object({
    state: Type.Enum(["none", "begun", "on"]),
    required: Type.Boolean(),
    recoveryCodes: Type.Integer(),
  }),
  status: 200,
  example: {},
  fails: ["CONFLICT"],
  audit: "none",
  handle: (context, { caller }) => ownFactor(context, caller),
});

const begin = route({
  operation: "beginSecondFactor",
  method: "POST",
  path: "/session/second-factor",
  summary: "Begins a second factor (TOTP), by the password; its secret is shown this once",
  allow: "viewer",
  schemas: { body: Password },
  answer: Type.Object({ secret: Type.String(), uri: Type.String() }),
  status: 200,
  example: { body: { password: "correct horse battery" } },
  fails: ["BODY_INVALID", "CONFLICT", "REFUSED", "TOO_MANY", "UNAVAILABLE"],
  audit: "beginSecondFactor",
  handle: (context, { body, caller, address }) => beginOwnFactor(context, body, { caller, address }),
});

const confirm = route({
  operation: "confirmSecondFactor",
  method: "POST",
  path: "/session/second-factor/confirm",
  summary:
    "Confirms the second factor by a code of it; answers with recovery codes, which are shown this once",
  allow: "viewer",
  schemas: { body: Type.Object({ code: Type.String({ maxLength: 20 }) }, { additionalProperties: false }) },
  answer: Type.Object({ recoveryCodes: Type.Array(Type.String()) }),
  status: 200,
  example: { body: { code: "123456" } },
  fails: ["BODY_INVALID", "CONFLICT", "SECOND_FACTOR_WRONG", "TOO_MANY", "UNAVAILABLE"],
  audit: "confirmSecondFactor",
  handle: (context, { body, caller, address }) => confirmOwnFactor(context, body, { caller, address }),
});

const end = route({
  operation: "endSecondFactor",
  method: "POST",
  path: "/session/second-factor/end",
  summary: "Ends one's second factor, by the password; not where one's role needs it",
  allow: "viewer",
  schemas: { body: Password },
  status: 204,
  example: { body: { password: "correct horse battery" } },
  fails: ["BODY_INVALID", "CONFLICT", "REFUSED", "TOO_MANY"],
  audit: "endSecondFactor",
  handle: async (context, { body, caller, address }) => {
    await endOwnFactor(context, body, { caller, address });
    return { body: undefined };
  },
});

const reset = route({
  operation: "resetSecondFactor",
  method: "DELETE",
  path: "/users/:id/second-factor",
  summary: "Takes the second factor of a user away, who has lost it",
  allow: "administrator",
  schemas: { params: ById },
  status: 204,
  example: { params: { id: "some-user" } },
  fails: ["NOT_FOUND", "PARAMETER_INVALID", "NOT_ALLOWED"],
  audit: "resetSecondFactor",
  handle: async (context, { params, caller, address }) => {
    await resetFactor(context, params.id, { caller, address });
    return { body: undefined };
  },
});

export const secondFactorRoutes = [own, begin, confirm, end, reset];
