import Type from "typebox";
import { withRequires } from "../../../core/order/sourceList.ts";
import { isNumber, pageOf, pageQuery, readCursor, toPage } from "../../api/paging.ts";
import { Effect, ListFinding, Moment, OrNull } from "../../api/parts.ts";
import { Problem } from "../../api/problem.ts";
import { route } from "../../api/route.ts";
import { checkInForce, checkList, refuseErrors } from "../../effect/checkList.ts";
import { diffOfVersions } from "../../settings/diffOfVersions.ts";
import { SOURCE_LIST } from "../../settings/fleetSettings.ts";
import { saveDocument } from "../../settings/saveDocument.ts";
import {
  countDocuments,
  findDocument,
  listDocuments,
  newestDocument,
} from "../../store/settings/documentStore.ts";

/** Any object: what a list may be is said by `core/order/sourceList`, for agents and servers alike. */
const List = Type.Record(Type.String(), Type.Unknown());

const Version = Type.Object({
  version: Type.Integer(),
  author: Type.String(),
  createdAt: Moment,
  note: Type.String(),
  publishedAt: OrNull(Moment),
});

const EXAMPLE = {
  mode: "customized",
  entries: [{ range: "10.1.0.0/16", name: "ua-berlin", url: "http://ua-berlin.corp.example:21112" }],
};

const get = route({
  operation: "getSourceList",
  method: "GET",
  path: "/source-list",
  summary: "Shows the source list that is in force",
  allow: "viewer",
  schemas: {},
  answer: Type.Object({ version: Type.Integer(), list: OrNull(List), readOnly: Type.Boolean() }),
  status: 200,
  example: {},
  fails: [],
  audit: "none",
  handle: async ({ config, database: { db } }) => {
    const newest = await newestDocument(db, SOURCE_LIST);
    const version = newest?.version ?? 0;
    const list = newest === undefined ? null : (JSON.parse(newest.content) as Record<string, unknown>);
    return { body: { version, list, readOnly: config.readOnly.includes("source-list") }, version };
  },
});

const check = route({
  operation: "checkSourceList",
  method: "POST",
  path: "/source-list/check",
  summary:
    "Says what is wrong and odd about a list, and what it would do to the whole fleet; changes nothing",
  allow: "viewer",
  schemas: { body: List },
  answer: Type.Object({
    findings: Type.Array(ListFinding),
    effect: OrNull(Effect),
    // Agents that each entry is for, and those of whom it is the first source.
    uses: OrNull(Type.Array(Type.Object({ near: Type.Integer(), first: Type.Integer() }))),
  }),
  status: 200,
  example: { body: EXAMPLE },
  fails: ["BODY_INVALID", "UNAVAILABLE"],
  audit: "none",
  handle: (context, { body }) => checkList(context, withRequires(body)),
});

const put = route({
  operation: "saveSourceList",
  method: "PUT",
  path: "/source-list",
  summary: "Checks, signs and publishes a source list",
  allow: "operator",
  schemas: {
    query: Type.Object({ note: Type.Optional(Type.String({ maxLength: 500 })) }),
    body: List,
  },
  answer: Type.Object({ version: Type.Integer(), findings: Type.Array(ListFinding), effect: OrNull(Effect) }),
  status: 200,
  example: { query: { note: "Berlin has an Update Agent" }, body: EXAMPLE },
  fails: ["BODY_INVALID", "REFUSED", "IF_MATCH_MISSING", "CHANGED_MEANWHILE", "UNAVAILABLE", "READ_ONLY"],
  area: "source-list",
  audit: "saveSourceList",
  conditional: true,
  handle: async (context, { body, query, ifMatch, caller, address }) => {
    const document = withRequires(body);
    const { findings, effect } = await checkList(context, document);
    refuseErrors(findings);
    const change = {
      name: SOURCE_LIST,
      document,
      from: Number(ifMatch),
      note: query.note ?? "",
      effect,
    };
    const version = await saveDocument(context, { ...change, caller, address, operation: "saveSourceList" });
    return { body: { version, findings, effect }, version };
  },
});

const findings = route({
  operation: "getSourceListFindings",
  method: "GET",
  path: "/source-list/findings",
  summary: "Says what is odd about the source list that is in force, as the fleet is now",
  allow: "viewer",
  schemas: {},
  answer: Type.Object({ version: Type.Integer(), findings: Type.Array(ListFinding) }),
  status: 200,
  example: {},
  fails: ["UNAVAILABLE"],
  audit: "none",
  handle: (context) => checkInForce(context),
});

const versions = route({
  operation: "listSourceListVersions",
  method: "GET",
  path: "/source-list/versions",
  summary: "Lists the versions of the source list, the newest first",
  allow: "viewer",
  schemas: { query: Type.Object(pageQuery) },
  answer: pageOf(Version),
  status: 200,
  example: { query: { limit: 10 } },
  fails: ["PARAMETER_INVALID"],
  audit: "none",
  handle: async ({ database: { db } }, { query }) => {
    const { after: before, limit } = readCursor(query, isNumber);
    const found = await listDocuments(db, SOURCE_LIST, { before, limit: limit + 1 });
    const shown = found.map(({ version, author, createdAt, note, publishedAt }) => ({
      version,
      author,
      createdAt,
      note,
      publishedAt,
    }));
    return toPage(shown, limit, await countDocuments(db, SOURCE_LIST), ({ version }) => version);
  },
});

const ByVersion = Type.Object({ version: Type.Integer({ minimum: 1 }) });

const oneVersion = route({
  operation: "getSourceListVersion",
  method: "GET",
  path: "/source-list/versions/:version",
  summary: "Shows one version of the source list, with what it did to the fleet when it was saved",
  allow: "viewer",
  schemas: { params: ByVersion },
  answer: Type.Object({ ...Version.properties, list: List, effect: Type.Unknown() }),
  status: 200,
  example: { params: { version: 1 } },
  fails: ["NOT_FOUND", "PARAMETER_INVALID"],
  audit: "none",
  handle: async ({ database: { db } }, { params }) => {
    const found = await findDocument(db, SOURCE_LIST, params.version);
    if (found === undefined) throw new Problem("NOT_FOUND", `there is no version ${params.version}`);
    const { version, author, createdAt, note, publishedAt, content, effect } = found;
    const list = JSON.parse(content) as Record<string, unknown>;
    return { version, author, createdAt, note, publishedAt, list, effect };
  },
});

const diff = route({
  operation: "diffSourceListVersions",
  method: "GET",
  path: "/source-list/versions/:version/diff",
  summary: "Says what differs from one version of the source list to another, by default to the newest",
  allow: "viewer",
  schemas: {
    params: ByVersion,
    query: Type.Object({ to: Type.Optional(Type.Integer({ minimum: 1 })) }),
  },
  answer: Type.Object({
    from: Type.Integer(),
    to: Type.Integer(),
    fields: Type.Array(Type.Object({ field: Type.String(), before: Type.Unknown(), after: Type.Unknown() })),
    entries: Type.Array(
      Type.Object({
        kinds: Type.Array(Type.Enum(["added", "removed", "changed", "moved"])),
        from: OrNull(Type.Integer({ minimum: 0 })),
        to: OrNull(Type.Integer({ minimum: 0 })),
        before: Type.Unknown(),
        after: Type.Unknown(),
      }),
    ),
  }),
  status: 200,
  example: { params: { version: 1 }, query: { to: 2 } },
  fails: ["NOT_FOUND", "PARAMETER_INVALID"],
  audit: "none",
  handle: ({ database: { db } }, { params, query }) => diffOfVersions(db, params.version, query.to),
});

const restore = route({
  operation: "restoreSourceList",
  method: "POST",
  path: "/source-list/versions/:version/restore",
  summary: "Publishes an earlier version of the source list again, as a new one",
  allow: "operator",
  schemas: { params: ByVersion },
  answer: Type.Object({ version: Type.Integer(), findings: Type.Array(ListFinding), effect: OrNull(Effect) }),
  status: 200,
  example: { params: { version: 1 } },
  fails: ["NOT_FOUND", "REFUSED", "UNAVAILABLE", "READ_ONLY"],
  area: "source-list",
  audit: "restoreSourceList",
  handle: async (context, { params, caller, address }) => {
    const found = await findDocument(context.database.db, SOURCE_LIST, params.version);
    if (found === undefined) throw new Problem("NOT_FOUND", `there is no version ${params.version}`);
    const document = withRequires(JSON.parse(found.content) as Record<string, unknown>);
    const { findings, effect } = await checkList(context, document);
    refuseErrors(findings);
    const note = `version ${params.version} again`;
    const change = { name: SOURCE_LIST, document, from: undefined, note, effect, caller, address };
    const version = await saveDocument(context, { ...change, operation: "restoreSourceList" });
    return { body: { version, findings, effect }, version };
  },
});

export const sourceListRoutes = [get, check, findings, put, versions, oneVersion, diff, restore];
