import type { Kysely } from "kysely";

/**
 * The URL beside the name of the source that an agent's order begins with: two sources may have one name, and two entries
 * lead to one source.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  const { schema } = db;
  await schema.alterTable("agents").addColumn("planned_url", "text").execute();
  await schema.dropIndex("agents_planned").execute();
  const columns = ["planned", "planned_url", "retired_at"];
  await schema.createIndex("agents_planned").on("agents").columns(columns).execute();
  // All are planned once more.
  await (db as Kysely<{ marks: { name: string } }>)
    .deleteFrom("marks")
    .where("name", "=", "planned")
    .execute();
}
