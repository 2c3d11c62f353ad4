import type { Kysely } from "kysely";

/** Releases in stages: what is offered since when, how it reaches the fleet, and what each agent has of it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const { schema } = db;
  await schema
    .createTable("rollouts")
    .addColumn("component", "text", (column) => column.primaryKey())
    .addColumn("stages", "text", (column) => column.notNull())
    .addColumn("limits", "text", (column) => column.notNull())
    .addColumn("pin", "integer")
    .addColumn("version", "integer", (column) => column.notNull())
    .addColumn("author", "text", (column) => column.notNull())
    .addColumn("changed_at", "bigint", (column) => column.notNull())
    .execute();
  await schema
    .createTable("releases")
    .addColumn("component", "text", (column) => column.notNull())
    .addColumn("release", "integer", (column) => column.notNull())
    .addColumn("version", "text", (column) => column.notNull())
    // 0 for those that were there when the server first looked.
    .addColumn("seen_at", "bigint", (column) => column.notNull())
    .addColumn("offered", "integer", (column) => column.notNull())
    .addColumn("halted_at", "bigint")
    .addColumn("halted_by", "text")
    .addColumn("halt_reason", "text")
    .addColumn("evidence", "text")
    .addPrimaryKeyConstraint("releases_component_release", ["component", "release"])
    .execute();
  await schema
    .createTable("agent_components")
    .addColumn("agent_id", "text", (column) => column.notNull().references("agents.id").onDelete("cascade"))
    .addColumn("component", "text", (column) => column.notNull())
    .addColumn("release", "integer", (column) => column.notNull())
    .addColumn("version", "text", (column) => column.notNull())
    // Its place in the percent of stages, in millionths of the whole.
    .addColumn("place", "integer", (column) => column.notNull())
    .addColumn("since_at", "bigint", (column) => column.notNull())
    .addColumn("failed_release", "integer")
    .addColumn("code", "text")
    .addColumn("held", "text")
    .addPrimaryKeyConstraint("agent_components_agent", ["agent_id", "component"])
    .execute();
  await schema
    .createIndex("agent_components_release")
    .on("agent_components")
    .columns(["component", "release"])
    .execute();
  await schema
    .createIndex("agent_components_failed")
    .on("agent_components")
    .columns(["component", "failed_release"])
    .execute();
  await schema
    .createTable("proposals")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("component", "text", (column) => column.notNull())
    .addColumn("change", "text", (column) => column.notNull())
    // The version of the rollout that it is a change of.
    .addColumn("from_version", "integer", (column) => column.notNull())
    .addColumn("reach", "text", (column) => column.notNull())
    .addColumn("state", "text", (column) => column.notNull())
    .addColumn("author", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("decided_by", "text")
    .addColumn("decided_at", "bigint")
    .execute();
  await schema.createIndex("proposals_created").on("proposals").columns(["created_at", "id"]).execute();
}
