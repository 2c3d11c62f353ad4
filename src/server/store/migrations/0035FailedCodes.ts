import type { Kysely } from "kysely";

/** The failure by which a release failed at an agent, also once the agent has reported runs that went well. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("agent_components").addColumn("failed_code", "text").execute();
}
