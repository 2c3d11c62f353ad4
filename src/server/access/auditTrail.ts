import Papa from "papaparse";
import { identityOf } from "../api/caller.ts";
import type { Caller } from "../api/roles.ts";
import type { Context } from "../context.ts";
import { insertAudit, listAudit } from "../store/auditStore.ts";
import type { Db, Tx } from "../store/transaction.ts";

/** Author of a change, and the address it came from. */
export interface By {
  caller: Caller;
  /** Of the connection. */
  address: string;
}

/** New ones come last, for those who read them by their place. */
const COLUMNS = [
  ...["sequence", "at", "actor", "address", "operation", "subject", "detail"],
  ...["actorKind", "actorId"],
];
/** Entries that are read at once. */
const PAGE = 500;

/** The audit log as CSV, the newest first, from the entry before `before` on. */
export async function* auditCsv(db: Db, before?: number): AsyncGenerator<string> {
  yield linesOf([COLUMNS]);
  for (let last = before; ; ) {
    const page = await listAudit(db, { before: last, limit: PAGE });
    const rows = page.map(({ sequence, at, actor, address, operation, subject, detail, ...by }) => {
      const shown = [actor, address, operation, subject, JSON.stringify(detail)];
      return [sequence, new Date(at).toISOString(), ...shown, by.actorKind ?? "", by.actorId ?? ""];
    });
    if (rows.length > 0) yield linesOf(rows);
    if (page.length < PAGE) return;
    last = page.at(-1)?.sequence;
  }
}

/** The audit log as lines of JSON, the oldest first, after the entry `since`. */
export async function* auditLines(db: Db, since = 0): AsyncGenerator<string> {
  for (let last = since; ; ) {
    const page = await listAudit(db, { since: last, limit: PAGE });
    const lines = page.map((entry) => JSON.stringify({ ...entry, at: new Date(entry.at).toISOString() }));
    if (lines.length > 0) yield `${lines.join("\n")}\n`;
    if (page.length < PAGE) return;
    last = page.at(-1)?.sequence ?? last;
  }
}

/** Beginning of a formula, on whatever line of a text: the library's own rule passes over texts of several lines. */
const FORMULA = /^\s*[=+\-@]|[\r\n]\s*[=+\-@]|^[\t\r]/;

/** Lines of CSV, in which no spreadsheet takes a text for a formula. */
function linesOf(rows: (string | number)[][]): string {
  return `${Papa.unparse(rows, { escapeFormulae: FORMULA })}\r\n`;
}

/** Writes down what was changed, in the transaction that changes it. Ids say little to people: `detail.name` is for those. */
export async function writeAudit(
  tx: Tx,
  { now }: Pick<Context, "now">,
  { caller, address }: By,
  entry: { operation: string; subject: string; detail?: unknown },
): Promise<void> {
  const { operation, subject, detail = null } = entry;
  await insertAudit(tx, { at: now(), ...identityOf(caller), address, operation, subject, detail });
}
