import { type Kysely, sql } from "kysely";

/** Reports taken many at a time, and kept by number, age and size. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const { schema } = db;
  // Reports ever taken of an agent, and when the run of the last one was: so that a report needs no look at others.
  await schema
    .alterTable("agents")
    .addColumn("reports", "integer", (column) => column.notNull().defaultTo(0))
    .execute();
  await schema.alterTable("agents").addColumn("run_started_at", "bigint").execute();
  await schema.alterTable("agents").addColumn("run_ended_at", "bigint").execute();
  await schema
    .alterTable("runs")
    .addColumn("number", "integer", (column) => column.notNull().defaultTo(0))
    .execute();
  await schema
    .alterTable("runs")
    .addColumn("size", "integer", (column) => column.notNull().defaultTo(0))
    .execute();
  await schema
    .createTable("kept_reports")
    // Servers add to different rows, and need not wait for each other.
    .addColumn("part", "integer", (column) => column.primaryKey())
    .addColumn("bytes", "bigint", (column) => column.notNull())
    .execute();
  await numberRuns(db);
  await schema.dropIndex("runs_agent").execute();
  await schema.createIndex("runs_agent").on("runs").columns(["agent_id", "number"]).execute();
  // Searches for a part of a name or an address look through it, and not at the rows.
  await schema
    .createIndex("agents_searched")
    .on("agents")
    .columns(["name", "id", "search"])
    .where(sql.ref("retired_at"), "is", null)
    .execute();
}

/** Numbers the runs that are there, of each agent from 1 on. */
async function numberRuns(db: Kysely<unknown>): Promise<void> {
  await sql`update runs set size = length(document), number = (select count(*) from runs as earlier
    where earlier.agent_id = runs.agent_id and earlier.sequence <= runs.sequence)`.execute(db);
  await sql`update agents set reports = (select count(*) from runs where runs.agent_id = agents.id),
    run_started_at = (select started_at from runs where agent_id = agents.id order by sequence desc limit 1),
    run_ended_at = (select ended_at from runs where agent_id = agents.id order by sequence desc limit 1)`.execute(
    db,
  );
  await sql`insert into kept_reports (part, bytes) select 0, coalesce(sum(size), 0) from runs`.execute(db);
}
