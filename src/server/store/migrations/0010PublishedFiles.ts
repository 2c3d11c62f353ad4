import type { Kysely } from "kysely";

/** Files of the settings repository as they are published, of which the servers' folders are copies. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("published_files")
    .addColumn("path", "text", (column) => column.primaryKey())
    .addColumn("content", "text", (column) => column.notNull())
    .execute();
}
