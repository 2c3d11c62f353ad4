import { chmodSync } from "node:fs";
import {
  type DialectAdapter,
  type Dialect as Driver,
  type Kysely,
  PostgresDialect,
  SqliteAdapter,
  SqliteDialect,
} from "kysely";
import { NearsourceError } from "../../errors.ts";

/** All that differs from one kind of database to the other. No other file asks which it is. */
export interface Dialect {
  name: "sqlite" | "postgres";
  /** Whether an error says that a row is there already that may be there once. */
  isConflict(error: unknown): boolean;
}

interface Opened {
  driver: Driver;
  dialect: Dialect;
}

/** A failed migration leaves nothing: SQLite takes DDL back with the transaction, which kysely does not assume. */
class TransactionalSqliteAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class NodeSqliteDialect extends SqliteDialect {
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
    const parameters = (given: readonly unknown[]) => given as (string | number | null)[];
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
    },
  };
}

/** PostgreSQL's number for `bigint`, which its driver hands over as text for fear of large ones; ours are times and sizes. */
const INT8 = 20;

/** @param url `postgres://user@host/database` */
export async function openPostgres(url: string): Promise<Opened> {
  const { default: pg } = await import("pg");
  pg.types.setTypeParser(INT8, Number);
  const pool = new pg.Pool({ connectionString: url, max: 10 });
  // A connection that breaks while nobody uses it is replaced by the next that is needed.
  pool.on("error", () => {});
  return {
    driver: new PostgresDialect({ pool }),
    dialect: { name: "postgres", isConflict: (error) => (error as { code?: string }).code === "23505" },
  };
}

/** The type of a column whose value grows with each row. */
export function sequenceType(db: Kysely<unknown>): "integer" | "bigserial" {
  return db.getExecutor().adapter instanceof SqliteAdapter ? "integer" : "bigserial";
}
