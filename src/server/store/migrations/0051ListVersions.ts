import type { Kysely } from "kysely";

/** The source list that an agent's last run went by: one that has not got the newest yet does not deviate from it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("agents").addColumn("list_version", "bigint").execute();
}
