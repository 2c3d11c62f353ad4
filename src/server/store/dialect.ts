import { chmodSync, closeSync, openSync } from "node:fs";
import {
  type DataTypeNode,
  type Kysely,
  type Dialect as KyselyDialect,
  OperationNodeTransformer,
  PostgresDialect,
  type PostgresPoolClient,
  type RawBuilder,
  RawNode,
  SqliteAdapter,
  sql,
  type Transaction,
} from "kysely";
import type { Pool } from "pg";
import { NearsourceError } from "../../errors.ts";
import { CHANNEL, type Heard, isPostgresDown, PostgresListener } from "./postgresListener.ts";
import { openThreads, sqliteDialect } from "./sqliteDriver.ts";
import { storable } from "./storable.ts";

/** All that differs from one kind of database to the other. No other file asks which it is. */
export interface Dialect {
  name: "sqlite" | "postgres";
  /**
   * Whether an error says that a row is there already that may be there once. The transaction that met it is
   * over: one of the databases takes no further statement in it.
   */
  isConflict(error: unknown): boolean;
  /** Whether several servers may take rows of one queue at a time, each passing over those that another holds. */
  locksRows: boolean;
  /** Whether an error says that the database cannot be reached or has gone away: the same may work in a moment. */
  isDown(error: unknown): boolean;
  /** Hears what other server processes say; absent where there can be no other. */
  listener?: (heard: Heard) => PostgresListener;
}

interface Opened {
  driver: KyselyDialect;
  dialect: Dialect;
}

/**
 * SQLite by the runtime's own module. A commit has reached the disk when it is acknowledged.
 *
 * @param file absolute, or `:memory:`
 */
export async function openSqlite(file: string): Promise<Opened> {
  try {
    // Files that SQLite lays beside it have the same mode.
    if (file !== ":memory:") {
      closeSync(openSync(file, "a", 0o600));
      chmodSync(file, 0o600);
    }
    const driver = sqliteDialect(await openThreads(file));
    return {
      driver,
      dialect: {
        name: "sqlite",
        isConflict: (error) => /^UNIQUE constraint failed/.test((error as Error).message),
        locksRows: false,
        isDown: () => false,
      },
    };
  } catch (error) {
    throw new NearsourceError("STORAGE_FAILED", `cannot open the database ${file}`, { cause: error });
  }
}

/** PostgreSQL's numbers for `bigint` and `numeric`, which its driver hands over as text for fear of large ones. */
const INT8 = 20;
const NUMERIC = 1_700;
/**
 * Connections of one server process, how long (ms) a request waits for one, and after which time (ms) the
 * database ends a transaction whose server does nothing: of one that hangs, others take over the locks.
 */
const CONNECTIONS = {
  max: 10,
  connectionTimeoutMillis: 10_000,
  idle_in_transaction_session_timeout: 15_000,
  keepAlive: true,
};

/**
 * PostgreSQL by its driver.
 *
 * @param url `postgres://user@host/database`
 * @throws NearsourceError STORAGE_FAILED when it cannot be reached
 */
export async function openPostgres(url: string): Promise<Opened> {
  const { default: pg } = await import("pg");
  const ours = (type: number, format?: string) =>
    type === INT8 || type === NUMERIC ? Number : pg.types.getTypeParser(type, format as "text");
  const pool = new pg.Pool({
    connectionString: url,
    ...CONNECTIONS,
    types: { getTypeParser: ours as never },
  });
  // A connection that breaks while nobody uses it is replaced by the next that is needed.
  pool.on("error", () => {});
  // One that breaks within a transaction is heard of by the next statement.
  pool.on("connect", (client) => client.on("error", () => {}));
  try {
    (await pool.connect()).release();
  } catch (error) {
    await pool.end();
    throw new NearsourceError("STORAGE_FAILED", "cannot reach the database", {
      cause: error,
      hint: 'start it, or correct its address, postgres://USER@HOST/NAME ("database" in server.json, the password in ~/.pgpass)',
    });
  }
  return {
    driver: new PostgresDialect({ pool: poolOf(pool) }),
    dialect: {
      name: "postgres",
      isConflict: (error) => (error as { code?: string }).code === "23505",
      locksRows: true,
      isDown: isPostgresDown,
      listener: (heard) =>
        new PostgresListener(() => new pg.Client({ connectionString: url, keepAlive: true }), heard),
    },
  };
}

/** A pool to whose connections texts are given as they can be kept. */
function poolOf(pool: Pool) {
  const connect = async () => {
    const client = await pool.connect();
    const query = async (text: string, given: readonly unknown[]) =>
      await client.query(text, given.map(storable));
    return { query, release: (discard: boolean) => client.release(discard) } as unknown as PostgresPoolClient;
  };
  return { connect, end: () => pool.end(), options: pool.options };
}

/**
 * Rows that are handed over as one parameter, JSON, as a table whose columns are `column1`, `column2` and so on.
 *
 * @param types `text` or `bigint`, of each column
 */
export function rowsOfJson<Tables>(
  db: Kysely<Tables>,
  types: readonly string[],
  rows: readonly (readonly unknown[])[],
): RawBuilder<unknown> {
  if (isSqlite(db)) {
    const columns = types.map((_, index) => `value ->> ${index} as column${index + 1}`);
    return sql`(select ${sql.raw(columns.join())} from json_each(${JSON.stringify(rows)}))`;
  }
  const named = rows.map((row) =>
    Object.fromEntries(row.map((value, index) => [`column${index + 1}`, value])),
  );
  const columns = types.map((type, index) => `column${index + 1} ${type}`);
  return sql`(select * from json_to_recordset(${JSON.stringify(named)}) as rows (${sql.raw(columns.join())}))`;
}

/** The type of a column whose value grows with each row. */
export function sequenceType(db: Kysely<unknown>): "integer" | "bigserial" {
  return isSqlite(db) ? "integer" : "bigserial";
}

/**
 * Lets no other transaction go on that has the same `subject`, before this one has ended: for what is read
 * before it is written. Of SQLite's transactions one at a time is under way in any case.
 */
export async function takeTurn<Tables>(tx: Transaction<Tables>, subject: string): Promise<void> {
  if (isSqlite(tx)) return;
  await sql`select pg_advisory_xact_lock(hashtextextended(${subject}, 0))`.execute(tx);
}

/** Days for which rows of a table that only grows stay, whatever a statement asks. */
const KEPT_DAYS = 90;

/**
 * Has the database itself refuse to change a row of `table`, and to delete one that is younger than 90 days.
 *
 * @param at column with the time (ms) of a row
 */
export async function makeAppendOnly(db: Kysely<unknown>, table: string, at: string): Promise<void> {
  const [name, time] = [sql.raw(table), sql.raw(at)];
  const because = sql.raw(`'rows of ${table} are never changed, and stay for ${KEPT_DAYS} days'`);
  const day = sql.raw(String(KEPT_DAYS * 86_400));
  if (isSqlite(db)) {
    const refuse = sql`begin select raise(abort, ${because}); end`;
    const young = sql`old.${time} > (unixepoch() - ${day}) * 1000`;
    await sql`create trigger ${sql.raw(`${table}_unchanged`)} before update on ${name} ${refuse}`.execute(db);
    await sql`create trigger ${sql.raw(`${table}_kept`)} before delete on ${name} when ${young} ${refuse}`.execute(
      db,
    );
    return;
  }
  const refuse = sql.raw(`${table}_refuse`);
  await sql`create function ${refuse}() returns trigger language plpgsql as $$ begin raise exception ${because}; end $$`.execute(
    db,
  );
  const young = sql`old.${time} > (extract(epoch from now()) - ${day}) * 1000`;
  const run = sql`execute function ${refuse}()`;
  await sql`create trigger ${sql.raw(`${table}_unchanged`)} before update on ${name} for each row ${run}`.execute(
    db,
  );
  await sql`create trigger ${sql.raw(`${table}_kept`)} before delete on ${name} for each row when (${young}) ${run}`.execute(
    db,
  );
  await sql`create trigger ${sql.raw(`${table}_whole`)} before truncate on ${name} ${run}`.execute(db);
}

/** Interval (ms) at which a transaction that is at work elsewhere says so, several times within the bound for idle ones. */
const AWAKE = 4_000;

/** Keeps a transaction from being ended as one of a server that hangs, while this process goes on. @returns ends it */
export function stayAwake<Tables>(tx: Transaction<Tables>): () => void {
  const timer = setInterval(() => void sql`select 1`.execute(tx).catch(() => {}), AWAKE);
  return () => clearInterval(timer);
}

/** Has the other servers of this database hear a text once the transaction is committed; false where there are none. */
export async function sayElsewhere<Tables>(db: Kysely<Tables>, text: string): Promise<boolean> {
  if (isSqlite(db)) return false;
  await sql`select pg_notify(${CHANNEL}, ${text})`.execute(db);
  return true;
}

/** Whether no other process works with this database. */
export function isAlone<Tables>(db: Kysely<Tables>): boolean {
  return isSqlite(db);
}

/** `db` for migrations: their columns hold and sort the same in every kind of database. */
export function withSameColumns<Tables>(db: Kysely<Tables>): Kysely<Tables> {
  if (isSqlite(db)) return db;
  const columns = new SameColumns();
  return db.withPlugin({
    transformQuery: ({ node, queryId }) => columns.transformNode(node, queryId),
    transformResult: async ({ result }) => result,
  });
}

/** Column types of PostgreSQL as SQLite has them: whole numbers of 64 bits, texts that sort by their bytes. */
class SameColumns extends OperationNodeTransformer {
  protected override transformDataType(node: DataTypeNode): DataTypeNode {
    const type = { text: 'text collate "C"', integer: "bigint" }[node.dataType as string];
    return type === undefined ? node : (RawNode.createWithSql(type) as unknown as DataTypeNode);
  }
}

/** Size of a database in bytes. */
export async function databaseSize<Tables>(db: Kysely<Tables>): Promise<number> {
  const query = isSqlite(db)
    ? sql<{
        bytes: number;
      }>`select page_count * page_size as bytes from pragma_page_count(), pragma_page_size()`
    : sql<{ bytes: number }>`select pg_database_size(current_database()) as bytes`;
  const { rows } = await query.execute(db);
  return Number(rows[0]?.bytes ?? 0);
}

function isSqlite<Tables>(db: Kysely<Tables>): boolean {
  return db.getExecutor().adapter instanceof SqliteAdapter;
}
