import { chmodSync } from "node:fs";
import {
  CompiledQuery,
  type DatabaseConnection,
  type DataTypeNode,
  type DialectAdapter,
  type Driver,
  type Kysely,
  type Dialect as KyselyDialect,
  OperationNodeTransformer,
  PostgresDialect,
  type PostgresPoolClient,
  RawNode,
  SqliteAdapter,
  SqliteDialect,
  SqliteDriver,
  sql,
  type Transaction,
} from "kysely";
import type { Pool } from "pg";
import { NearsourceError } from "../../errors.ts";

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
}

interface Opened {
  driver: KyselyDialect;
  dialect: Dialect;
}

/** A failed migration leaves nothing: SQLite takes DDL back with the transaction, which kysely does not assume. */
class TransactionalSqliteAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

/** A transaction is the only one that writes, from its beginning: one that began to read could not go on to write. */
class ImmediateSqliteDriver extends SqliteDriver {
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw("begin immediate"));
  }
}

class NodeSqliteDialect extends SqliteDialect {
  readonly #config: ConstructorParameters<typeof SqliteDialect>[0];

  constructor(config: ConstructorParameters<typeof SqliteDialect>[0]) {
    super(config);
    this.#config = config;
  }

  override createDriver(): Driver {
    return new ImmediateSqliteDriver(this.#config);
  }

  override createAdapter(): DialectAdapter {
    return new TransactionalSqliteAdapter();
  }
}

/**
 * SQLite by the runtime's own module. A commit has reached the disk when it is acknowledged.
 *
 * @param file absolute, or `:memory:`
 */
export async function openSqlite(file: string): Promise<Opened> {
  const { DatabaseSync } = await import("node:sqlite");
  let database: InstanceType<typeof DatabaseSync>;
  try {
    database = new DatabaseSync(file, { timeout: 10_000 });
    if (file !== ":memory:") chmodSync(file, 0o600);
    database.exec("pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on");
  } catch (error) {
    throw new NearsourceError("STORAGE_FAILED", `cannot open the database ${file}`, { cause: error });
  }
  const prepare = (sql: string) => {
    const statement = database.prepare(sql);
    const parameters = (given: readonly unknown[]) => given.map(storable) as (string | number | null)[];
    return {
      reader: statement.columns().length > 0,
      all: (given: readonly unknown[]) => statement.all(...parameters(given)),
      run: (given: readonly unknown[]) => statement.run(...parameters(given)),
      iterate: (given: readonly unknown[]) => statement.iterate(...parameters(given)),
    };
  };
  return {
    driver: new NodeSqliteDialect({ database: { prepare, close: () => database.close() } }),
    dialect: {
      name: "sqlite",
      isConflict: (error) => /^UNIQUE constraint failed/.test((error as Error).message),
      locksRows: false,
    },
  };
}

/** PostgreSQL's numbers for `bigint` and `numeric`, which its driver hands over as text for fear of large ones. */
const INT8 = 20;
const NUMERIC = 1_700;
/** Connections of one server process, and how long (ms) a request waits for one. */
const CONNECTIONS = { max: 10, connectionTimeoutMillis: 10_000 };

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

/** A text without NUL, which one of the databases refuses and the other would cut short. */
function storable(value: unknown): unknown {
  return typeof value === "string" && value.includes("\0") ? value.replaceAll("\0", "\ufffd") : value;
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

function isSqlite<Tables>(db: Kysely<Tables>): boolean {
  return db.getExecutor().adapter instanceof SqliteAdapter;
}
