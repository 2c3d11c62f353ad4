import type { Kysely } from "kysely";

/** Events that were not kept for a webhook, since too many waited for it already. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const column of ["dropped", "dropped_told"]) {
    await db.schema
      .alterTable("webhooks")
      .addColumn(column, "integer", (made) => made.notNull().defaultTo(0))
      .execute();
  }
  for (const column of ["dropped_since", "dropped_last"]) {
    await db.schema.alterTable("webhooks").addColumn(column, "bigint").execute();
  }
}
