import { explainError } from "../../errors.ts";
import { type By, writeAudit } from "../access/auditTrail.ts";
import { actorOf } from "../api/caller.ts";
import { changedMeanwhile, Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { takeTurn } from "../store/dialect.ts";
import {
  deleteDocument,
  findDocument,
  insertDocument,
  newestDocument,
} from "../store/settings/documentStore.ts";
import { type Db, type Tx, transact } from "../store/transaction.ts";
import { publishDocuments } from "./publishDocument.ts";

/** Seconds after which a save that could not be published may be tried again. */
const RETRY_AFTER = 5;

/** A settings document to be saved. */
export interface NewDocument {
  name: string;
  /** Without its version, which the save gives it. */
  document: Record<string, unknown>;
  /** The version that the change was made from; undefined where the first is as good as any. */
  from?: number | undefined;
}

/** A change that was checked, and why it is made. */
export interface Change extends By {
  operation: string;
  /** Subject of the change in the audit log. */
  subject: string;
  note: string;
  effect: unknown;
}

/** Result of a change, once its rows are written. */
export interface Planned {
  documents: NewDocument[];
  /** For the audit log. */
  detail?: Record<string, unknown>;
  /** Puts the rows back where the documents could not be published. */
  undo?(tx: Tx): Promise<void>;
}

/**
 * Saves a change of the settings: rows, versions of documents and an audit entry in one transaction, then one
 * signed publication of all of it. Afterwards all of it is there, or nothing.
 *
 * @returns the version of each document, by its name
 * @throws Problem CHANGED_MEANWHILE, UNAVAILABLE where it could not be published
 */
export async function saveChange(
  context: Context,
  change: Change,
  plan: (tx: Tx) => Promise<Planned>,
): Promise<Record<string, number>> {
  const { database, log } = context;
  const { saved, planned, versions } = await transact(database.db, async (tx) => {
    // A change is planned on what is there, which another one must not alter meanwhile.
    await takeTurn(tx, "settings");
    const planned = await plan(tx);
    const saved = [];
    for (const each of planned.documents) saved.push(await keepVersion(context, tx, change, each));
    const versions = Object.fromEntries(saved.map(({ name, version }) => [name, version]));
    const detail = { ...planned.detail, note: change.note, versions };
    await writeAudit(tx, context, change, { ...change, detail });
    return { saved, planned, versions };
  });
  if (saved.length === 0) return versions;
  try {
    await publishDocuments(context, saved);
  } catch (error) {
    const isOut = await transact(database.db, async (tx) => {
      // The database may have gone away in the moment in which it kept the publication.
      if (await arePublished(tx, saved)) return true;
      for (const { name, version } of saved) await deleteDocument(tx, name, version);
      await planned.undo?.(tx);
      await writeAudit(tx, context, change, { ...change, detail: { undone: "it could not be published" } });
      return false;
    });
    if (isOut) return versions;
    log.error(`${change.subject} could not be published: ${explainError(error)}`);
    throw new Problem(
      "UNAVAILABLE",
      "it could not be signed and published, and was not saved: try again; the server's log has the reason",
      {
        retryAfter: RETRY_AFTER,
        cause: error,
      },
    );
  }
  return versions;
}

async function arePublished(tx: Tx, saved: { name: string; version: number }[]): Promise<boolean> {
  for (const { name, version } of saved) {
    if (((await findDocument(tx, name, version))?.publishedAt ?? null) === null) return false;
  }
  return true;
}

/**
 * Refuses a change of a version that is no longer the newest.
 *
 * @param from the version that it is a change of; undefined for whatever it is
 * @throws Problem CHANGED_MEANWHILE
 */
export function refuseChanged(
  { version, author, changedAt }: { version: number; author: string; changedAt: number },
  from: number | undefined,
): void {
  if (from === undefined || from === version) return;
  throw changedMeanwhile({ version, author, at: changedAt });
}

async function keepVersion({ now }: Context, tx: Tx, change: Change, { name, document, from }: NewDocument) {
  const newest = await newestDocument(tx, name);
  const current = newest?.version ?? 0;
  if (from !== undefined && from !== current) {
    if (newest === undefined) throw new Problem("CHANGED_MEANWHILE", "there is none yet");
    throw changedMeanwhile({ version: current, author: newest.author, at: newest.createdAt });
  }
  const version = current + 1;
  const content = `${JSON.stringify({ ...document, version }, null, 2)}\n`;
  const { note, effect } = change;
  const row = { name, version, content, author: actorOf(change.caller), createdAt: now(), note, effect };
  await insertDocument(tx, row);
  return { ...row, publishedAt: null };
}

/** Saves one document: `saveChange` of it alone. @returns its version */
export async function saveDocument(
  context: Context,
  change: Omit<Change, "subject"> & NewDocument,
): Promise<number> {
  const { name, document, from } = change;
  const plan = async () => ({ documents: [{ name, document, from }] });
  const versions = await saveChange(context, { ...change, subject: name }, plan);
  return versions[name] ?? 0;
}

/** Whether a document says the same as its newest version. */
export async function isUnchanged(db: Db, { name, document }: NewDocument): Promise<boolean> {
  const newest = await newestDocument(db, name);
  if (newest === undefined) return false;
  const { version: _, ...content } = JSON.parse(newest.content) as Record<string, unknown>;
  return JSON.stringify(content) === JSON.stringify(document);
}
