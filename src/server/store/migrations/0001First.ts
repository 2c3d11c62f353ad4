import { type Kysely, sql } from "kysely";
import { sequenceType } from "../dialect.ts";

/** The tables of the first version. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const { schema } = db;
  await schema
    .createTable("setup")
    .addColumn("token_hash", "text", (column) => column.primaryKey())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("used_at", "bigint")
    .execute();
  await schema
    .createTable("users")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("name", "text", (column) => column.notNull().unique())
    .addColumn("role", "text", (column) => column.notNull())
    .addColumn("password_hash", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("disabled_at", "bigint")
    .execute();
  await schema
    .createTable("sessions")
    .addColumn("id_hash", "text", (column) => column.primaryKey())
    .addColumn("user_id", "text", (column) => column.notNull().references("users.id").onDelete("cascade"))
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("seen_at", "bigint", (column) => column.notNull())
    .addColumn("expires_at", "bigint", (column) => column.notNull())
    .addColumn("address", "text", (column) => column.notNull())
    .addColumn("agent", "text", (column) => column.notNull())
    .execute();
  await schema.createIndex("sessions_user").on("sessions").column("user_id").execute();
  await schema
    .createTable("api_tokens")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("token_hash", "text", (column) => column.notNull().unique())
    .addColumn("role", "text", (column) => column.notNull())
    .addColumn("created_by", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("expires_at", "bigint")
    .addColumn("used_at", "bigint")
    .execute();
  await schema
    .createTable("enrolment_tokens")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("token_hash", "text", (column) => column.notNull().unique())
    .addColumn("uses", "integer")
    .addColumn("used", "integer", (column) => column.notNull())
    .addColumn("domain", "text", (column) => column.notNull())
    .addColumn("created_by", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("expires_at", "bigint")
    .execute();
  await schema
    .createTable("domains")
    .addColumn("name", "text", (column) => column.primaryKey())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .execute();
  await createAgents(db);
  await schema
    .createTable("documents")
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("version", "integer", (column) => column.notNull())
    .addColumn("content", "text", (column) => column.notNull())
    .addColumn("author", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("note", "text", (column) => column.notNull())
    .addColumn("effect", "text")
    .addColumn("published_at", "bigint")
    .addPrimaryKeyConstraint("documents_name_version", ["name", "version"])
    .execute();
  await sequenced(db, "audit")
    .addColumn("at", "bigint", (column) => column.notNull())
    .addColumn("actor", "text", (column) => column.notNull())
    .addColumn("address", "text", (column) => column.notNull())
    .addColumn("operation", "text", (column) => column.notNull())
    .addColumn("subject", "text", (column) => column.notNull())
    .addColumn("detail", "text", (column) => column.notNull())
    .execute();
}

async function createAgents(db: Kysely<unknown>): Promise<void> {
  const { schema } = db;
  await schema
    .createTable("agents")
    .addColumn("id", "text", (column) => column.primaryKey())
    .addColumn("name", "text", (column) => column.notNull())
    .addColumn("search", "text", (column) => column.notNull())
    .addColumn("fingerprint", "text", (column) => column.notNull())
    .addColumn("domain", "text", (column) => column.notNull().references("domains.name"))
    .addColumn("secret_hash", "text", (column) => column.notNull())
    .addColumn("addresses", "text", (column) => column.notNull())
    .addColumn("program", "text", (column) => column.notNull())
    .addColumn("created_at", "bigint", (column) => column.notNull())
    .addColumn("reported_at", "bigint")
    .addColumn("outcome", "text")
    .addColumn("code", "text")
    .addColumn("source", "text")
    .addColumn("retired_at", "bigint")
    .addColumn("clone_of", "text")
    .execute();
  await schema.createIndex("agents_name").on("agents").columns(["name", "id"]).execute();
  await schema.createIndex("agents_fingerprint").on("agents").column("fingerprint").execute();
  await schema.createIndex("agents_domain").on("agents").columns(["domain", "name", "id"]).execute();
  await sequenced(db, "runs")
    .addColumn("agent_id", "text", (column) => column.notNull().references("agents.id").onDelete("cascade"))
    .addColumn("started_at", "bigint", (column) => column.notNull())
    .addColumn("ended_at", "bigint", (column) => column.notNull())
    .addColumn("received_at", "bigint", (column) => column.notNull())
    .addColumn("trigger", "text", (column) => column.notNull())
    .addColumn("outcome", "text", (column) => column.notNull())
    .addColumn("code", "text")
    .addColumn("bytes", "bigint", (column) => column.notNull())
    .addColumn("document", "text", (column) => column.notNull())
    .execute();
  await schema.createIndex("runs_agent").on("runs").columns(["agent_id", "sequence"]).execute();
}

/** A table with a number that grows with each row. */
function sequenced(db: Kysely<unknown>, table: string) {
  const type = sequenceType(db);
  return db.schema
    .createTable(table)
    .addColumn("sequence", type === "integer" ? type : sql`bigserial`, (column) => column.primaryKey());
}
