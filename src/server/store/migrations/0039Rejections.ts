import type { Kysely } from "kysely";

/** Rejections by agents of what sources sent, for as long as it was not cleared. */
export async function up({ schema }: Kysely<unknown>): Promise<void> {
  await schema
    .createTable("rejections")
    .addColumn("source", "text", (column) => column.notNull())
    .addColumn("agent_id", "text", (column) => column.notNull().references("agents.id").onDelete("cascade"))
    .addColumn("code", "text", (column) => column.notNull())
    .addColumn("since_at", "bigint", (column) => column.notNull())
    .addColumn("last_at", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("rejections_source", ["source", "agent_id"])
    .execute();
  await schema.createIndex("rejections_of_agent").on("rejections").column("agent_id").execute();
}
