import type { Kysely } from "kysely";

/** Whether agents of a notification are to run even where they have it already. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .alterTable("notifications")
    .addColumn("run", "integer", (made) => made.notNull().defaultTo(0))
    .execute();
}
