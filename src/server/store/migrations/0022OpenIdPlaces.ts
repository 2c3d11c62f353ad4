import type { Kysely } from "kysely";

/** The place that a browser began from which is on its way to the OpenID provider: one has few at a time. */
export async function up({ schema }: Kysely<unknown>): Promise<void> {
  await schema.alterTable("open_id_attempts").addColumn("place", "text").execute();
  await schema.createIndex("open_id_attempts_place").on("open_id_attempts").column("place").execute();
}
