import type { Kysely } from "kysely";

/** Shares of the fleet that each person changed alone. */
export async function up({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable("reaches")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("person_id", "text", (column) => column.notNull())
    .addColumn("at", "bigint", (column) => column.notNull())
    .addColumn("millionths", "integer", (column) => column.notNull())
    .execute();
  await schema.createIndex("reaches_person_at").on("reaches").columns(["person_id", "at"]).execute();
}
