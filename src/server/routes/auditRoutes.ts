import Type from "typebox";
import { auditCsv } from "../access/auditTrail.ts";
import { pageQuery, readCursor } from "../api/paging.ts";
import { Moment } from "../api/parts.ts";
import { route } from "../api/route.ts";
import { listAudit } from "../store/auditStore.ts";

const Entry = Type.Object({
  sequence: Type.Integer(),
  at: Moment,
  actor: Type.String(),
  address: Type.String(),
  operation: Type.String(),
  subject: Type.String(),
  detail: Type.Unknown(),
});

const isSequence = (value: unknown): value is number => Number.isSafeInteger(value);

const list = route({
  operation: "listAudit",
  method: "GET",
  path: "/audit",
  summary: "Lists what was changed, by whom and from where, the newest first; all of it as CSV",
  allow: "viewer",
  schemas: { query: Type.Object(pageQuery) },
  answer: Type.Object({ items: Type.Array(Entry), next: Type.Union([Type.String(), Type.Null()]) }),
  status: 200,
  example: { query: { limit: 20 } },
  fails: ["PARAMETER_INVALID"],
  audit: "none",
  csv: true,
  handle: async ({ database }, { query, wantsCsv }) => {
    const { after: before, limit } = readCursor(query, isSequence);
    if (wantsCsv) return { body: { items: [], next: null }, csv: auditCsv(database.db, before) };
    const found = await listAudit(database.db, { before, limit: limit + 1 });
    const items = found.slice(0, limit);
    const last = items.at(-1);
    const more = found.length > limit && last !== undefined;
    return { items, next: more ? Buffer.from(JSON.stringify(last.sequence)).toString("base64url") : null };
  },
});

export const auditRoutes = [list];
