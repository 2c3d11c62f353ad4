import Type from "typebox";
import { auditCsv, auditLines } from "../../access/auditTrail.ts";
import { isNumber, pageOf, pageQuery, readCursor, toPage } from "../../api/paging.ts";
import { Moment, OrNull } from "../../api/parts.ts";
import { route } from "../../api/route.ts";
import { countAudit, listAudit } from "../../store/auditStore.ts";

const Entry = Type.Object({
  sequence: Type.Integer(),
  at: Moment,
  actor: Type.String(),
  /** Null in entries from before kinds were kept, and the id of what has none. */
  actorKind: OrNull(Type.Enum(["user", "token", "agent", "server", "nobody", "command"])),
  actorId: OrNull(Type.String()),
  address: Type.String(),
  operation: Type.String(),
  subject: Type.String(),
  detail: Type.Unknown(),
});

const list = route({
  operation: "listAudit",
  method: "GET",
  path: "/audit",
  summary:
    "Lists what was changed, by whom and from where, the newest first; all as CSV; as JSON lines from `since` on",
  allow: "viewer",
  schemas: {
    query: Type.Object({
      ...pageQuery,
      /** The same as `Accept`, for a link: all of it as CSV, or as JSON lines. */
      format: Type.Optional(Type.Enum(["csv", "ndjson"])),
      /** For JSON lines: the sequence number of the last entry that was read. */
      since: Type.Optional(Type.Integer({ minimum: 0 })),
    }),
  },
  answer: pageOf(Entry),
  status: 200,
  example: { query: { limit: 20 } },
  fails: ["PARAMETER_INVALID"],
  audit: "none",
  formats: ["csv", "ndjson"],
  handle: async ({ database }, { query, format }) => {
    const { after: before, limit } = readCursor(query, isNumber);
    const body = { items: [], next: null, total: 0 };
    if (format === "csv") return { body, lines: { format, of: auditCsv(database.db, before) } };
    if (format === "ndjson") return { body, lines: { format, of: auditLines(database.db, query.since) } };
    const found = await listAudit(database.db, { before, limit: limit + 1 });
    return toPage(found, limit, await countAudit(database.db), ({ sequence }) => sequence);
  },
});

export const auditRoutes = [list];
