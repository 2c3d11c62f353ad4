import type { Db, Tx } from "../transaction.ts";

/** A file of the settings repository: its path below the web root, and its text, which is JSON. */
export interface PublishedFile {
  path: string;
  content: string;
}

/** Paths in one statement. */
const AT_ONCE = 500;

export async function publishedPaths(db: Db): Promise<string[]> {
  const rows = await db.selectFrom("published_files").select("path").execute();
  return rows.map(({ path }) => path);
}

export async function publishedFiles(db: Db, paths: string[]): Promise<PublishedFile[]> {
  const found: PublishedFile[] = [];
  for (let from = 0; from < paths.length; from += AT_ONCE) {
    const part = paths.slice(from, from + AT_ONCE);
    found.push(...(await db.selectFrom("published_files").selectAll().where("path", "in", part).execute()));
  }
  return found;
}

/** Puts files in place of those of the same path, and forgets others. */
export async function replacePublished(tx: Tx, files: PublishedFile[], forgotten: string[]): Promise<void> {
  for (let from = 0; from < forgotten.length; from += AT_ONCE) {
    const part = forgotten.slice(from, from + AT_ONCE);
    await tx.deleteFrom("published_files").where("path", "in", part).execute();
  }
  for (const file of files) {
    await tx
      .insertInto("published_files")
      .values(file)
      .onConflict((conflict) => conflict.column("path").doUpdateSet({ content: file.content }))
      .execute();
  }
}
