import Type from "typebox";
import { DomainName, Id, Line, Moment, OrNull } from "../../api/parts.ts";
import { route } from "../../api/route.ts";
import { changeDomain, createDomain, removeDomain, unknownDomain } from "../../settings/domains.ts";
import { findDomain, listDomains } from "../../store/settings/domainStore.ts";

const Domain = Type.Object({
  name: DomainName,
  comment: Type.String(),
  version: Type.Integer(),
  createdAt: Moment,
  agents: Type.Integer({ minimum: 0 }),
  policy: OrNull(Type.Object({ id: Id, name: Type.String() })),
});

const ByName = Type.Object({ name: DomainName });

const list = route({
  operation: "listDomains",
  method: "GET",
  path: "/domains",
  summary: "Lists the domains, each with its policy and how many agents are in it",
  allow: "viewer",
  schemas: {},
  answer: Type.Object({ items: Type.Array(Domain) }),
  status: 200,
  example: {},
  fails: [],
  audit: "none",
  handle: async ({ database }) => ({ items: await listDomains(database.db) }),
});

const one = route({
  operation: "getDomain",
  method: "GET",
  path: "/domains/:name",
  summary: "Shows one domain",
  allow: "viewer",
  schemas: { params: ByName },
  answer: Domain,
  status: 200,
  example: { params: { name: "default" } },
  fails: ["NOT_FOUND", "PARAMETER_INVALID"],
  audit: "none",
  handle: async ({ database }, { params }) => {
    const body = (await findDomain(database.db, params.name)) ?? unknownDomain(params.name);
    return { body, version: body.version };
  },
});

const create = route({
  operation: "createDomain",
  method: "POST",
  path: "/domains",
  summary: "Makes a domain",
  allow: "operator",
  schemas: {
    body: Type.Object({ name: DomainName, comment: Type.Optional(Line) }, { additionalProperties: false }),
  },
  answer: Domain,
  status: 201,
  example: { body: { name: "berlin", comment: "all of the branch" } },
  fails: ["BODY_INVALID", "REFUSED", "CONFLICT"],
  audit: "createDomain",
  handle: async (context, { body, caller, address }) => {
    const made = await createDomain(context, body, { caller, address });
    return { body: made, version: made.version };
  },
});

const change = route({
  operation: "changeDomain",
  method: "PATCH",
  path: "/domains/:name",
  summary: "Changes what is said of a domain; its name stays, since agents ask for their policy by it",
  allow: "operator",
  schemas: {
    params: ByName,
    body: Type.Object({ comment: Line }, { additionalProperties: false }),
  },
  answer: Domain,
  status: 200,
  example: { params: { name: "default" }, body: { comment: "whoever is nowhere else" } },
  fails: ["BODY_INVALID", "PARAMETER_INVALID", "NOT_FOUND", "IF_MATCH_MISSING", "CHANGED_MEANWHILE"],
  audit: "changeDomain",
  conditional: true,
  handle: async (context, { params, body, ifMatch, caller, address }) => {
    const wanted = { name: params.name, comment: body.comment, version: Number(ifMatch) };
    const changed = await changeDomain(context, wanted, { caller, address });
    return { body: changed, version: changed.version };
  },
});

const remove = route({
  operation: "deleteDomain",
  method: "DELETE",
  path: "/domains/:name",
  summary: "Deletes a domain that nothing is in",
  allow: "operator",
  schemas: { params: ByName },
  status: 204,
  example: { params: { name: "paris" } },
  fails: ["NOT_FOUND", "PARAMETER_INVALID", "CONFLICT"],
  audit: "deleteDomain",
  handle: async (context, { params, caller, address }) => {
    await removeDomain(context, params.name, { caller, address });
    return { body: undefined };
  },
});

export const domainRoutes = [list, one, create, change, remove];
