import { explainError } from "../../errors.ts";
import { actorOf } from "../api/caller.ts";
import { Problem } from "../api/problem.ts";
import type { Caller } from "../api/roles.ts";
import type { Context } from "../context.ts";
import { insertAudit } from "../store/auditStore.ts";
import { deleteDocument, insertDocument, newestDocument } from "../store/documentStore.ts";
import { transact } from "../store/transaction.ts";
import { publishDocument } from "./publishDocument.ts";

/** A change of a settings document that was checked. */
export interface Change {
  name: string;
  /** Without its version, which the save gives it. */
  document: Record<string, unknown>;
  /** The version that the change was made from; undefined where the first is as good as any. */
  from: number | undefined;
  note: string;
  effect: unknown;
  caller: Caller;
  address: string;
  operation: string;
}

/**
 * Saves a settings document: kept as a new version, signed, published. Afterwards all of it is there, or
 * nothing.
 *
 * @returns its version
 * @throws Problem CHANGED_MEANWHILE, UNAVAILABLE where it could not be published
 */
export async function saveDocument(context: Context, change: Change): Promise<number> {
  const { database, now } = context;
  const saved = await transact(database.db, async (tx) => {
    const newest = await newestDocument(tx, change.name);
    const current = newest?.version ?? 0;
    if (change.from !== undefined && change.from !== current) {
      const who = newest === undefined ? "there is none yet" : `version ${current} is of ${newest.author}`;
      throw new Problem("CHANGED_MEANWHILE", who);
    }
    const version = current + 1;
    const content = `${JSON.stringify({ ...change.document, version }, null, 2)}\n`;
    const author = actorOf(change.caller);
    const { name, note, effect, address, operation } = change;
    const row = { name, version, content, author, createdAt: now(), note, effect };
    await insertDocument(tx, row);
    const detail = { version, note };
    await insertAudit(tx, { at: now(), actor: author, address, operation, subject: name, detail });
    return { ...row, publishedAt: null };
  });
  try {
    await publishDocument(context, saved);
  } catch (error) {
    await deleteDocument(database.db, saved.name, saved.version);
    context.log.error(`${saved.name} could not be published: ${explainError(error)}`);
    throw new Problem("UNAVAILABLE", "it could not be signed and published, and was not saved", {
      cause: error,
    });
  }
  return saved.version;
}
