import type { Kysely } from "kysely";

/** Policies, the domains and agents they are for, and grants of the Update Agent role. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const { schema } = db;
  await schema
    .alterTable("domains")
    .addColumn("comment", "text", (column) => column.notNull().defaultTo(""))
    .execute();
  await schema
    .alterTable("domains")
    .addColumn("version", "integer", (column) => column.notNull().defaultTo(1))
    .execute();
  await schema
    .createTable("policies")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("name", "text", (column) => column.notNull().unique())
    .addColumn("version", "integer", (column) => column.notNull())
    .addColumn("settings", "text", (column) => column.notNull())
    .addColumn("kinds", "text", (column) => column.notNull())
    .addColumn("author", "text", (column) => column.notNull())
    .addColumn("changed_at", "bigint", (column) => column.notNull())
    .execute();
  // An agent goes by one file of its domain: two policies of one domain would contradict each other.
  await schema
    .createTable("policy_domains")
    .addColumn("domain", "text", (column) => column.primaryKey().references("domains.name"))
    .addColumn("policy_id", "text", (column) =>
      column.notNull().references("policies.id").onDelete("cascade"),
    )
    .execute();
  await schema
    .createTable("policy_agents")
    .addColumn("agent_id", "text", (column) => column.notNull().references("agents.id").onDelete("cascade"))
    .addColumn("policy_id", "text", (column) =>
      column.notNull().references("policies.id").onDelete("cascade"),
    )
    .addPrimaryKeyConstraint("policy_agents_both", ["agent_id", "policy_id"])
    .execute();
  await schema.createIndex("policy_agents_policy").on("policy_agents").column("policy_id").execute();
  await schema
    .createTable("grants")
    .addColumn("agent_id", "text", (column) =>
      column.primaryKey().references("agents.id").onDelete("cascade"),
    )
    .addColumn("kinds", "text", (column) => column.notNull())
    .addColumn("author", "text", (column) => column.notNull())
    .addColumn("granted_at", "bigint", (column) => column.notNull())
    .execute();
}
