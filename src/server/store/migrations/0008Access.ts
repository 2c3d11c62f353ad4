import type { Kysely } from "kysely";
import { makeAppendOnly } from "../dialect.ts";

/** Secrets that are replaced and taken back, second factors, scopes of tokens, an audit log that nobody alters. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await addSecrets(db);
  const { schema } = db;
  await schema.alterTable("api_tokens").addColumn("scope", "text").execute();
  for (const column of ["factor_secret", "open_id"]) {
    await schema.alterTable("users").addColumn(column, "text").execute();
  }
  for (const column of ["factor_at", "factor_step"]) {
    await schema.alterTable("users").addColumn(column, "bigint").execute();
  }
  await schema.createIndex("users_open_id").unique().on("users").column("open_id").execute();
  await schema
    .createTable("recovery_codes")
    .addColumn("user_id", "text", (column) => column.notNull().references("users.id").onDelete("cascade"))
    .addColumn("code_hash", "text", (column) => column.notNull())
    .addPrimaryKeyConstraint("recovery_codes_user_code", ["user_id", "code_hash"])
    .execute();
  await schema
    .createTable("sign_in_failures")
    .addColumn("key", "text", (column) => column.primaryKey())
    .addColumn("count", "integer", (column) => column.notNull())
    .addColumn("last_at", "bigint", (column) => column.notNull())
    .addColumn("said", "integer", (column) => column.notNull())
    .execute();
  await schema.createIndex("sign_in_failures_last").on("sign_in_failures").column("last_at").execute();
  await schema
    .createTable("open_id_attempts")
    .addColumn("state_hash", "text", (column) => column.primaryKey())
    .addColumn("verifier", "text", (column) => column.notNull())
    .addColumn("nonce", "text", (column) => column.notNull())
    .addColumn("browser_hash", "text", (column) => column.notNull())
    .addColumn("expires_at", "bigint", (column) => column.notNull())
    .execute();
  await makeAppendOnly(db, "audit", "at");
}

async function addSecrets({ schema }: Kysely<unknown>): Promise<void> {
  for (const column of ["next_secret_hash", "last_secret_hash"]) {
    await schema.alterTable("agents").addColumn(column, "text").execute();
    await schema.createIndex(`agents_${column}`).on("agents").column(column).execute();
  }
  for (const column of ["secret_at", "rotate_at", "revoked_at"]) {
    await schema.alterTable("agents").addColumn(column, "bigint").execute();
  }
}
