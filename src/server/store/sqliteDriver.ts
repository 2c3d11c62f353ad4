import {
  type CompiledQuery,
  type DatabaseConnection,
  type DialectAdapter,
  type Driver,
  type Kysely,
  type Dialect as KyselyDialect,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from "kysely";
import { SqliteThread, type Value } from "./sqliteThread.ts";
import { storable } from "./storable.ts";

/** A failed migration leaves nothing: SQLite takes DDL back with the transaction, which kysely does not assume. */
class TransactionalSqliteAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }

  /** Each of them is one here, and a turn at the database's one. */
  override get supportsMultipleConnections(): boolean {
    return true;
  }
}

/** kysely's SQLite, over connections that are in threads of their own. */
export function sqliteDialect(threads: SqliteThreads): KyselyDialect {
  return {
    createDriver: () => new ThreadDriver(threads),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createAdapter: (): DialectAdapter => new TransactionalSqliteAdapter(),
    createIntrospector: (db: Kysely<unknown>) => new SqliteIntrospector(db),
  };
}

/** Connections to one database: the one that writes, and one that reads meanwhile. */
export interface SqliteThreads {
  writer: SqliteThread;
  /** The writer where there can be no second connection. */
  reader: SqliteThread;
}

/** Statements that are kept as they were parsed: those of all routes, and of lists in some lengths. */
const STATEMENTS = 300;

/** @param file absolute, or `:memory:` */
export async function openThreads(file: string): Promise<SqliteThreads> {
  const writer = await SqliteThread.open({ file, readOnly: false, statements: STATEMENTS });
  if (file === ":memory:") return { writer, reader: writer };
  const reader = await SqliteThread.open({ file, readOnly: true, statements: STATEMENTS });
  return { writer, reader };
}

class ThreadDriver implements Driver {
  readonly #threads: SqliteThreads;
  /** The last turn at the connection that writes. */
  #turn: Promise<void> = Promise.resolve();

  constructor(threads: SqliteThreads) {
    this.#threads = threads;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return new ThreadConnection(this.#threads, () => this.#takeTurn());
  }

  /** A transaction is the only one that writes, from its beginning: one that began to read could not go on to write. */
  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as ThreadConnection).begin();
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as ThreadConnection).end("commit");
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await (connection as ThreadConnection).end("rollback");
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    (connection as ThreadConnection).release();
  }

  async destroy(): Promise<void> {
    const { writer, reader } = this.#threads;
    if (reader !== writer) await reader.close();
    await writer.close();
  }

  /** Resolves when it is this one's turn; what it resolves to ends it. */
  async #takeTurn(): Promise<() => void> {
    const before = this.#turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#turn = promise;
    await before;
    return resolve;
  }
}

/** Connection as one user of the database sees it: in a transaction the one that writes, else whichever is right. */
class ThreadConnection implements DatabaseConnection {
  readonly #threads: SqliteThreads;
  readonly #takeTurn: () => Promise<() => void>;
  /** Ends the turn that a transaction has. */
  #endTurn: (() => void) | undefined;

  constructor(threads: SqliteThreads, takeTurn: () => Promise<() => void>) {
    this.#threads = threads;
    this.#takeTurn = takeTurn;
  }

  async begin(): Promise<void> {
    this.#endTurn = await this.#takeTurn();
    await this.#threads.writer.run("begin immediate", []);
  }

  /** Ends the transaction; a commit that failed may yet be taken back. */
  async end(how: "commit" | "rollback"): Promise<void> {
    await this.#threads.writer.run(how, []);
    this.release();
  }

  release(): void {
    this.#endTurn?.();
    this.#endTurn = undefined;
  }

  async executeQuery<Row>({ sql, parameters, query }: CompiledQuery): Promise<QueryResult<Row>> {
    const values = parameters.map(storable) as Value[];
    const { rows, changes } = await this.#run(sql, values, query.kind === "SelectQueryNode");
    return {
      rows: rows as Row[],
      ...(changes === undefined ? {} : { numAffectedRows: BigInt(changes) }),
    };
  }

  async #run(sql: string, values: Value[], isReading: boolean) {
    const { writer, reader } = this.#threads;
    if (this.#endTurn !== undefined) return await writer.run(sql, values);
    if (isReading && reader !== writer) return await reader.run(sql, values);
    const endTurn = await this.#takeTurn();
    try {
      return await writer.run(sql, values);
    } finally {
      endTurn();
    }
  }

  // biome-ignore lint/correctness/useYield: kysely asks for it, and nobody here
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error("lists are read page by page");
  }
}
