import type { Kysely } from "kysely";

/** Attempts and bytes by hour and source, which outlive the reports that they were in. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable("traffic")
    .addColumn("hour", "bigint", (column) => column.notNull())
    .addColumn("source", "text", (column) => column.notNull())
    // Reports that come together add to different rows, and need not wait for each other.
    .addColumn("part", "integer", (column) => column.notNull())
    .addColumn("attempts", "integer", (column) => column.notNull())
    .addColumn("failed", "integer", (column) => column.notNull())
    .addColumn("bytes", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("traffic_hour_source", ["hour", "source", "part"])
    .execute();
}
