import { type Kysely, sql } from "kysely";

/** Tokens are of the people who made them, by their ids. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema.alterTable("api_tokens").addColumn("maker_id", "text").execute();
  await sql`update api_tokens set maker_id = (select id from users where users.name = api_tokens.created_by)`.execute(
    db,
  );
}
