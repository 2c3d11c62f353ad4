import { type Kysely, sql } from "kysely";

/**
 * Of each agent, what its state is computed from and whether it goes where it should; traffic by network;
 * when each publication was first seen; suggestions that people have answered.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await addToAgents(db);
  const { schema } = db;
  await schema
    .createTable("publications")
    .addColumn("repository", "text", (column) => column.notNull())
    .addColumn("version", "integer", (column) => column.notNull())
    .addColumn("seen_at", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("publications_version", ["repository", "version"])
    .execute();
  await schema
    .createTable("network_traffic")
    .addColumn("day", "bigint", (column) => column.notNull())
    .addColumn("network", "text", (column) => column.notNull())
    // Reports that come together add to different rows, and need not wait for each other.
    .addColumn("part", "integer", (column) => column.notNull())
    .addColumn("runs", "integer", (column) => column.notNull())
    .addColumn("bytes", "bigint", (column) => column.notNull())
    .addColumn("far_bytes", "bigint", (column) => column.notNull())
    .addColumn("far_ms", "bigint", (column) => column.notNull())
    .addColumn("whole_bytes", "bigint", (column) => column.notNull())
    .addPrimaryKeyConstraint("network_traffic_day", ["day", "network", "part"])
    .execute();
  await schema
    .createTable("marks")
    .addColumn("name", "text", (column) => column.primaryKey())
    .addColumn("value", "text", (column) => column.notNull())
    .execute();
  await schema
    .createTable("suggestions")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("answer", "text", (column) => column.notNull())
    .addColumn("author", "text", (column) => column.notNull())
    .addColumn("answered_at", "bigint", (column) => column.notNull())
    .execute();
}

async function addToAgents(db: Kysely<unknown>): Promise<void> {
  const { schema } = db;
  const flags = [
    ["failing", 0],
    ["plan_due", 1],
  ] as const;
  for (const [name, value] of flags) {
    await schema
      .alterTable("agents")
      .addColumn(name, "integer", (column) => column.notNull().defaultTo(value))
      .execute();
  }
  for (const name of ["used", "planned"]) await schema.alterTable("agents").addColumn(name, "text").execute();
  for (const name of ["deviates_since", "free_bytes", "uptime", "content_version", "settings_version"]) {
    await schema.alterTable("agents").addColumn(name, "bigint").execute();
  }
  // Reports were noted by the agents' clocks, of which one that is fast would look new for ever.
  const last = sql`(select max(received_at) from runs where runs.agent_id = agents.id)`;
  await sql`update agents set reported_at = ${last} where reported_at is not null`.execute(db);
  // Lists are sorted by name, and filtered by the rest without a look at the rows themselves.
  await schema.dropIndex("agents_name").execute();
  await schema
    .createIndex("agents_listed")
    .on("agents")
    .columns([
      ...["name", "id", "retired_at", "domain", "reported_at", "failing"],
      ...["content_version", "settings_version", "deviates_since"],
    ])
    .execute();
  await schema.createIndex("agents_planned").on("agents").columns(["planned", "retired_at"]).execute();
  await schema
    .createIndex("agents_plan_due")
    .on("agents")
    .column("id")
    .where(sql.ref("plan_due"), "=", sql.lit(1))
    .execute();
}
