import type { Kysely } from "kysely";

/** Notifications with the agents that each is to tell: a queue that outlives the server. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const { schema } = db;
  // The port an agent listens at, 0 for none; the address that it was seen at, and when it asked for notifications.
  await schema.alterTable("agents").addColumn("port", "integer").execute();
  await schema.alterTable("agents").addColumn("seen_at", "text").execute();
  await schema.alterTable("agents").addColumn("polled_at", "bigint").execute();
  await schema
    .createTable("notifications")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("created_by", "text", (column) => column.notNull())
    .addColumn("target", "text", (column) => column.notNull())
    .addColumn("state", "text", (column) => column.notNull())
    // 1 for the one that tells agents, null for the others: the database holds them to one.
    .addColumn("active", "integer", (column) => column.unique())
    .addColumn("update_agents", "integer", (column) => column.notNull())
    .addColumn("others", "integer", (column) => column.notNull())
    .addColumn("spread_window", "bigint", (column) => column.notNull())
    .addColumn("spread_at", "bigint")
    .addColumn("ended_at", "bigint")
    .addColumn("absorbed_by", "text")
    .execute();
  await schema.createIndex("notifications_open").on("notifications").column("ended_at").execute();
  await schema
    .createIndex("notifications_created")
    .on("notifications")
    .columns(["created_at", "id"])
    .execute();
  await schema
    .createTable("told")
    .addColumn("notification_id", "text", (column) =>
      column.notNull().references("notifications.id").onDelete("cascade"),
    )
    .addColumn("agent_id", "text", (column) => column.notNull().references("agents.id").onDelete("cascade"))
    .addColumn("place", "integer", (column) => column.notNull())
    .addColumn("state", "text", (column) => column.notNull())
    .addColumn("next_at", "bigint")
    .addColumn("attempts", "integer", (column) => column.notNull())
    .addColumn("told_at", "bigint")
    .addColumn("code", "text")
    .addPrimaryKeyConstraint("told_notification_agent", ["notification_id", "agent_id"])
    .execute();
  await schema.createIndex("told_queue").on("told").columns(["notification_id", "state", "place"]).execute();
  await schema.createIndex("told_agent").on("told").columns(["agent_id", "state"]).execute();
}
