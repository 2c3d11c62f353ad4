import { type Kysely, sql } from "kysely";

/**
 * Actors by kind and id, since names are given again. Entries from before keep the name that they have, and no more.
 *
 * A token is of a user who was there when it was made, and whom no token is named like: any other may have had the name
 * before. One without a maker opens nothing (`tokenStore`).
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const column of ["actor_kind", "actor_id"]) {
    await db.schema.alterTable("audit").addColumn(column, "text").execute();
  }
  await db.schema.alterTable("proposals").addColumn("author_id", "text").execute();
  await sql`update api_tokens set maker_id = null where not exists (
    select 1 from users where users.id = api_tokens.maker_id and users.created_at <= api_tokens.created_at
  ) or exists (select 1 from api_tokens other where other.name = api_tokens.created_by)`.execute(db);
}
