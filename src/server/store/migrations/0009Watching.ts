import type { Kysely } from "kysely";

/** Events, the webhooks that are told of them, and what holds or went wrong, for every server to see. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const { schema } = db;
  await schema
    .createTable("events")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("at", "bigint", (column) => column.notNull())
    .addColumn("type", "text", (column) => column.notNull())
    .addColumn("subject", "text", (column) => column.notNull())
    // The bytes that are signed and sent, the same with each attempt.
    .addColumn("body", "text", (column) => column.notNull())
    .execute();
  await schema.createIndex("events_subject").on("events").columns(["type", "subject", "at"]).execute();
  await schema.createIndex("events_at").on("events").column("at").execute();
  await schema
    .createTable("webhooks")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("url", "text", (column) => column.notNull())
    .addColumn("events", "text", (column) => column.notNull())
    // Encrypted: the server has to sign with it.
    .addColumn("secret", "text", (column) => column.notNull())
    .addColumn("created_by", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("failing_since", "bigint")
    .addColumn("disabled_at", "bigint")
    .addColumn("disabled_reason", "text")
    .execute();
  await schema
    .createTable("deliveries")
    .addColumn("event_id", "text", (column) => column.notNull().references("events.id").onDelete("cascade"))
    .addColumn("webhook_id", "text", (column) =>
      column.notNull().references("webhooks.id").onDelete("cascade"),
    )
    .addColumn("raised_at", "bigint", (column) => column.notNull())
    .addColumn("state", "text", (column) => column.notNull())
    .addColumn("attempts", "integer", (column) => column.notNull())
    .addColumn("next_at", "bigint")
    .addColumn("ended_at", "bigint")
    .addColumn("code", "text")
    .addPrimaryKeyConstraint("deliveries_event_webhook", ["event_id", "webhook_id"])
    .execute();
  await schema.createIndex("deliveries_due").on("deliveries").columns(["state", "next_at"]).execute();
  await schema
    .createIndex("deliveries_webhook")
    .on("deliveries")
    .columns(["webhook_id", "raised_at", "event_id"])
    .execute();
  await schema
    .createTable("conditions")
    .addColumn("kind", "text", (column) => column.notNull())
    .addColumn("subject", "text", (column) => column.notNull())
    .addColumn("since", "bigint", (column) => column.notNull())
    .addColumn("raised_at", "bigint", (column) => column.notNull())
    .addColumn("message", "text", (column) => column.notNull())
    .addColumn("detail", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("conditions_kind_subject", ["kind", "subject"])
    .execute();
  await schema
    .createTable("notes")
    .addColumn("subject", "text", (column) => column.primaryKey())
    .addColumn("at", "bigint", (column) => column.notNull())
    .addColumn("content", "text", (column) => column.notNull())
    .execute();
  // The topic that an agent listens to at a broker, by its last report; null for none.
  await schema.alterTable("agents").addColumn("topic", "text").execute();
}
