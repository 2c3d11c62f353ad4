import { type Kysely, sql } from "kysely";

/** Lists of agents by what their last run came to, or by its source; searches that count what they find, by state. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const { schema } = db;
  for (const column of ["outcome", "source"]) {
    // Of those that are not retired alone, SQLite would take it for the way to all of them.
    const columns = [column, "name", "id", "retired_at"];
    await schema.createIndex(`agents_${column}`).on("agents").columns(columns).execute();
  }
  // Each index is a write of every report, and one has room for both.
  for (const name of ["agents_listed", "agents_searched"]) await schema.dropIndex(name).execute();
  // An index keeps no long rows: of an agent with many addresses the first are searched.
  const isLong = sql`length(search) > length(name) + ${sql.lit(1 + SEARCHED)}`;
  await sql`update agents set search = substr(search, 1, length(name) + ${sql.lit(1 + SEARCHED)}) where ${isLong}`.execute(
    db,
  );
  await sql`update agents set source = substr(source, 1, ${sql.lit(SOURCE)}) where length(source) > ${sql.lit(SOURCE)}`.execute(
    db,
  );
  await schema
    .createIndex("agents_listed")
    .on("agents")
    .columns([
      ...["name", "id", "retired_at", "domain", "reported_at", "failing"],
      ...["content_version", "settings_version", "deviates_since", "search"],
    ])
    .execute();
}

/** Characters of addresses, and of a source's name, as the program bounds them since. */
const SEARCHED = 450;
const SOURCE = 500;
