import type { Kysely } from "kysely";

/** The ways from an agent to its sources: connect times and rates, as its attempts found them. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("agents").addColumn("paths", "text").execute();
}
