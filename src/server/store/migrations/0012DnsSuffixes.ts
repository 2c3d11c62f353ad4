import type { Kysely } from "kysely";

/** The domains of agents' DNS search lists, which entries of a source list may ask for. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("agents").addColumn("dns_suffixes", "text").execute();
}
