import { countOf } from "../countOf.ts";
import type { Db, Tx } from "../transaction.ts";

/** One saved version of a settings document. */
export interface DocumentVersion {
  name: string;
  version: number;
  /** The document's text, as it is signed. */
  content: string;
  author: string;
  createdAt: number;
  note: string;
  /** Effect on the fleet when it was saved. */
  effect: unknown;
  /** When its publication was complete; null while that is still to come. */
  publishedAt: number | null;
}

const COLUMNS = [
  "name",
  "version",
  "content",
  "author",
  "created_at as createdAt",
  "note",
  "effect",
  "published_at as publishedAt",
] as const;

type Row = Omit<DocumentVersion, "effect"> & { effect: string | null };

function fromRow({ effect, ...row }: Row): DocumentVersion {
  return { ...row, effect: effect === null ? null : (JSON.parse(effect) as unknown) };
}

export async function newestDocument(db: Db, name: string): Promise<DocumentVersion | undefined> {
  const found = await db
    .selectFrom("documents")
    .select(COLUMNS)
    .where("name", "=", name)
    .orderBy("version", "desc")
    .limit(1)
    .executeTakeFirst();
  return found && fromRow(found);
}

/** Number of the newest version of a document; 0 for none. */
export async function newestVersion(db: Db, name: string): Promise<number> {
  const found = await db
    .selectFrom("documents")
    .select((row) => row.fn.max<number | null>("version").as("version"))
    .where("name", "=", name)
    .executeTakeFirst();
  return Number(found?.version ?? 0);
}

export async function findDocument(
  db: Db,
  name: string,
  version: number,
): Promise<DocumentVersion | undefined> {
  const found = await db
    .selectFrom("documents")
    .select(COLUMNS)
    .where("name", "=", name)
    .where("version", "=", version)
    .executeTakeFirst();
  return found && fromRow(found);
}

/** Number of the versions of a document that are kept. */
export async function countDocuments(db: Db, name: string): Promise<number> {
  return await countOf(db.selectFrom("documents").where("name", "=", name));
}

/** Versions, the newest first; `before` is the version to go on from. */
export async function listDocuments(
  db: Db,
  name: string,
  { before, limit }: { before?: number | undefined; limit: number },
): Promise<DocumentVersion[]> {
  let query = db
    .selectFrom("documents")
    .select(COLUMNS)
    .where("name", "=", name)
    .orderBy("version", "desc")
    .limit(limit);
  if (before !== undefined) query = query.where("version", "<", before);
  return (await query.execute()).map(fromRow);
}

export async function insertDocument(
  tx: Tx,
  { effect, ...row }: Omit<DocumentVersion, "publishedAt">,
): Promise<void> {
  await tx
    .insertInto("documents")
    .values({
      name: row.name,
      version: row.version,
      content: row.content,
      author: row.author,
      created_at: row.createdAt,
      note: row.note,
      effect: JSON.stringify(effect ?? null),
      published_at: null,
    })
    .execute();
}

/** Takes back a version that could not be published. */
export async function deleteDocument(db: Db, name: string, version: number): Promise<void> {
  await db
    .deleteFrom("documents")
    .where("name", "=", name)
    .where("version", "=", version)
    .where("published_at", "is", null)
    .execute();
}

export async function markPublished(db: Db, name: string, version: number, at: number): Promise<void> {
  await db
    .updateTable("documents")
    .set({ published_at: at })
    .where("name", "=", name)
    .where("version", "<=", version)
    .where("published_at", "is", null)
    .execute();
}

/** Names of documents of which the newest version is not published yet. */
export async function unpublishedDocuments(db: Db): Promise<DocumentVersion[]> {
  const rows = await db.selectFrom("documents").select(COLUMNS).where("published_at", "is", null).execute();
  return rows.map(fromRow);
}
