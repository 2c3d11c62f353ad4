import Type from "typebox";
import { auditCsv } from "../../access/auditTrail.ts";
import { isNumber, pageQuery, readCursor, toPart } from "../../api/paging.ts";
import { Moment } from "../../api/parts.ts";
import { route } from "../../api/route.ts";
import { listAudit } from "../../store/auditStore.ts";

const Entry = Type.Object({
  sequence: Type.Integer(),
  at: Moment,
  actor: Type.String(),
  address: Type.String(),
  operation: Type.String(),
  subject: Type.String(),
  detail: Type.Unknown(),
});

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
    const { after: before, limit } = readCursor(query, isNumber);
    if (wantsCsv) return { body: { items: [], next: null }, csv: auditCsv(database.db, before) };
    const found = await listAudit(database.db, { before, limit: limit + 1 });
    return toPart(found, limit, ({ sequence }) => sequence);
  },
});

export const auditRoutes = [list];
