import type { Kysely } from "kysely";

/** Agents found by their secret without a look at all of them, and when two machines reported as one agent. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const { schema } = db;
  await schema.createIndex("agents_secret").on("agents").column("secret_hash").execute();
  await schema.alterTable("agents").addColumn("doubled_at", "bigint").execute();
}
