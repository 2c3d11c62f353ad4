import Type from "typebox";
import { changeUser, createUser, removeUser } from "../../access/accounts/users.ts";
import { ById, Id, Moment, NewPassword, OrNull, RoleName, UserName } from "../../api/parts.ts";
import { route } from "../../api/route.ts";
import { listUsers } from "../../store/people/userStore.ts";

const User = Type.Object({
  id: Id,
  name: Type.String(),
  role: RoleName,
  createdAt: Moment,
  disabledAt: OrNull(Moment),
  factorAt: OrNull(Moment),
  openId: OrNull(Type.String()),
});

const list = route({
  operation: "listUsers",
  method: "GET",
  path: "/users",
  summary: "Lists the users by name",
  allow: "administrator",
  schemas: {},
  answer: Type.Object({ items: Type.Array(User) }),
  status: 200,
  example: {},
  fails: [],
  audit: "none",
  handle: async ({ database }) => ({ items: await listUsers(database.db) }),
});

const create = route({
  operation: "createUser",
  method: "POST",
  path: "/users",
  summary: "Makes a user",
  allow: "administrator",
  schemas: {
    body: Type.Object(
      { user: UserName, password: NewPassword, role: RoleName },
      { additionalProperties: false },
    ),
  },
  answer: User,
  status: 201,
  example: { body: { user: "grace", password: "staple paper clip", role: "viewer" } },
  fails: ["BODY_INVALID", "CONFLICT", "NOT_ALLOWED", "REFUSED"],
  audit: "createUser",
  handle: (context, { body, caller, address }) => createUser(context, body, { caller, address }),
});

const change = route({
  operation: "changeUser",
  method: "PATCH",
  path: "/users/:id",
  summary: "Gives a user another role, shuts one out, or lets one in again; never the last administrator",
  allow: "administrator",
  schemas: {
    params: ById,
    body: Type.Object(
      { role: Type.Optional(RoleName), disabled: Type.Optional(Type.Boolean()) },
      { additionalProperties: false },
    ),
  },
  answer: User,
  status: 200,
  example: { params: { id: "some-user" }, body: { role: "operator" } },
  fails: ["BODY_INVALID", "PARAMETER_INVALID", "NOT_FOUND", "CONFLICT", "NOT_ALLOWED", "REFUSED"],
  audit: "changeUser",
  handle: (context, { params, body, caller, address }) =>
    changeUser(context, params.id, body, { caller, address }),
});

const remove = route({
  operation: "deleteUser",
  method: "DELETE",
  path: "/users/:id",
  summary: "Deletes a user; never the last administrator",
  allow: "administrator",
  schemas: { params: ById },
  status: 204,
  example: { params: { id: "some-user" } },
  fails: ["PARAMETER_INVALID", "NOT_FOUND", "CONFLICT", "NOT_ALLOWED"],
  audit: "deleteUser",
  handle: async (context, { params, caller, address }) => {
    await removeUser(context, params.id, { caller, address });
    return { body: undefined };
  },
});

export const userRoutes = [list, create, change, remove];
