import Type from "typebox";
import { ById, DomainName, Effect, Id, KindName, Line, Moment } from "../../api/parts.ts";
import { Problem } from "../../api/problem.ts";
import { route } from "../../api/route.ts";
import { changePolicy, createPolicy, removePolicy } from "../../settings/savePolicy.ts";
import { findPolicy, listPolicies } from "../../store/settings/policyStore.ts";

/** Any object: what a policy may say is said by `core/settings/policy`, for agents and servers alike. */
const Settings = Type.Record(Type.String(), Type.Unknown());

const PolicyName = Type.Intersect([Line, Type.String({ minLength: 1, maxLength: 100 })]);

const Targets = Type.Object(
  {
    domains: Type.Array(DomainName, { maxItems: 1_000, uniqueItems: true }),
    agents: Type.Array(Id, { maxItems: 10_000, uniqueItems: true }),
  },
  { additionalProperties: false },
);

/** Ticks of *act as Update Agent*, for the agents among the targets. */
const Role = Type.Object(
  { kinds: Type.Array(KindName, { maxItems: 3, uniqueItems: true }) },
  { additionalProperties: false },
);

const Policy = Type.Object({
  id: Id,
  name: Type.String(),
  version: Type.Integer(),
  targets: Targets,
  settings: Settings,
  updateAgent: Role,
  author: Type.String(),
  changedAt: Moment,
});

const Saved = Type.Object({ policy: Policy, findings: Type.Array(Type.String()), effect: Effect });

const EXAMPLE = {
  name: "branches",
  targets: { domains: ["default"], agents: [] },
  settings: { activeUpdate: true },
  updateAgent: { kinds: [] },
};

const list = route({
  operation: "listPolicies",
  method: "GET",
  path: "/policies",
  summary: "Lists the policies",
  allow: "viewer",
  schemas: {},
  answer: Type.Object({ items: Type.Array(Policy) }),
  status: 200,
  example: {},
  fails: [],
  audit: "none",
  handle: async ({ database }) => ({ items: await listPolicies(database.db) }),
});

const one = route({
  operation: "getPolicy",
  method: "GET",
  path: "/policies/:id",
  summary: "Shows one policy",
  allow: "viewer",
  schemas: { params: ById },
  answer: Policy,
  status: 200,
  example: { params: { id: "some-policy" } },
  fails: ["NOT_FOUND", "PARAMETER_INVALID"],
  audit: "none",
  handle: async ({ database }, { params }) => {
    const found = await findPolicy(database.db, params.id);
    if (found === undefined) throw new Problem("NOT_FOUND", "no policy has this id");
    return { body: found, version: found.version };
  },
});

const create = route({
  operation: "createPolicy",
  method: "POST",
  path: "/policies",
  summary: "Makes a policy, and signs and publishes it for its domains and agents",
  allow: "operator",
  schemas: {
    body: Type.Object(
      {
        name: PolicyName,
        targets: Targets,
        settings: Type.Optional(Settings),
        updateAgent: Type.Optional(Role),
      },
      { additionalProperties: false },
    ),
  },
  answer: Saved,
  status: 201,
  example: { body: EXAMPLE },
  fails: ["BODY_INVALID", "REFUSED", "CONFLICT", "SECOND_PERSON_NEEDED", "UNAVAILABLE", "READ_ONLY"],
  audit: "createPolicy",
  area: "policies",
  handle: async (context, { body, caller, address }) => {
    const fields = { settings: {}, updateAgent: { kinds: [] }, ...body };
    const saved = await createPolicy(context, fields, { caller, address });
    return { body: saved, version: saved.policy.version };
  },
});

const change = route({
  operation: "changePolicy",
  method: "PATCH",
  path: "/policies/:id",
  summary: "Changes fields of a policy, and signs and publishes what comes of it",
  allow: "operator",
  schemas: {
    params: ById,
    body: Type.Object(
      {
        name: Type.Optional(PolicyName),
        targets: Type.Optional(Targets),
        settings: Type.Optional(Settings),
        updateAgent: Type.Optional(Role),
      },
      { additionalProperties: false },
    ),
  },
  answer: Saved,
  status: 200,
  example: { params: { id: "some-policy" }, body: { settings: { activeUpdate: false } } },
  fails: [
    "BODY_INVALID",
    "PARAMETER_INVALID",
    "NOT_FOUND",
    "IF_MATCH_MISSING",
    "CHANGED_MEANWHILE",
    "REFUSED",
    "CONFLICT",
    "SECOND_PERSON_NEEDED",
    "UNAVAILABLE",
    "READ_ONLY",
  ],
  audit: "changePolicy",
  area: "policies",
  conditional: true,
  handle: async (context, { params, body, ifMatch, caller, address }) => {
    const at = { id: params.id, version: Number(ifMatch) };
    const saved = await changePolicy(context, at, body, { caller, address });
    return { body: saved, version: saved.policy.version };
  },
});

const remove = route({
  operation: "deletePolicy",
  method: "DELETE",
  path: "/policies/:id",
  summary: "Deletes a policy: its domains go by the defaults, its agents lose what it granted",
  allow: "operator",
  schemas: { params: ById },
  status: 204,
  example: { params: { id: "some-policy" } },
  fails: [
    "NOT_FOUND",
    "PARAMETER_INVALID",
    "CHANGED_MEANWHILE",
    "CONFLICT",
    "SECOND_PERSON_NEEDED",
    "UNAVAILABLE",
    "READ_ONLY",
  ],
  audit: "deletePolicy",
  area: "policies",
  handle: async (context, { params, caller, address }) => {
    await removePolicy(context, params.id, { caller, address });
    return { body: undefined };
  },
});

export const policyRoutes = [list, one, create, change, remove];
