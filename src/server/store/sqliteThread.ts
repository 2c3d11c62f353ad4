import { Worker } from "node:worker_threads";

/** A value of a row, as SQLite has them. */
export type Value = string | number | null;

/** The answer to a statement. */
export interface Answered {
  rows: Record<string, Value>[];
  /** Rows that it changed; absent for one that reads. */
  changes?: number;
}

/** SQLite's limits of one connection. */
interface Opening {
  file: string;
  readOnly: boolean;
  /** Statements that are kept as they were parsed. */
  statements: number;
}

type Wanted = { id: number; sql: string; parameters: Value[] };
type Said = { id: number } & ({ answered: Answered } | { failed: { message: string; code?: string } });

/** The modules and messages that the other thread works with. */
interface Means {
  require: (name: string) => unknown;
}

/**
 * The other thread: it has a connection of its own, and answers statements one after the other. It is handed over
 * as text, since a program in one file has no second one to start, and so refers to nothing outside of itself.
 */
function answerStatements({ require }: Means): void {
  const { parentPort, workerData } = require("node:worker_threads") as typeof import("node:worker_threads");
  const { DatabaseSync } = require("node:sqlite") as typeof import("node:sqlite");
  const { file, readOnly, statements } = workerData as Opening;
  const database = new DatabaseSync(file, { timeout: 10_000, readOnly });
  if (!readOnly) database.exec("pragma journal_mode = wal; pragma wal_autocheckpoint = 4000");
  database.exec("pragma synchronous = full; pragma foreign_keys = on; pragma cache_size = -16000");
  const prepared = new Map<string, ReturnType<typeof database.prepare>>();
  const statementOf = (sql: string) => {
    const statement = prepared.get(sql) ?? database.prepare(sql);
    // The one that was used last is the last to go.
    prepared.delete(sql);
    prepared.set(sql, statement);
    if (prepared.size > statements) prepared.delete(prepared.keys().next().value as string);
    return statement;
  };
  const answer = ({ sql, parameters }: Wanted): Answered => {
    const statement = statementOf(sql);
    if (statement.columns().length > 0) return { rows: statement.all(...parameters) as Answered["rows"] };
    return { rows: [], changes: Number(statement.run(...parameters).changes) };
  };
  parentPort?.on("message", (wanted: Wanted | "close") => {
    if (wanted === "close") {
      database.close();
      parentPort.close();
      return;
    }
    try {
      parentPort.postMessage({ id: wanted.id, answered: answer(wanted) });
    } catch (error) {
      const { message, code } = error as Error & { code?: string };
      parentPort.postMessage({ id: wanted.id, failed: { message, code } });
    }
  });
  parentPort?.postMessage({ id: 0, answered: { rows: [] } });
}

/**
 * A connection to an SQLite database in a thread of its own: neither the disk nor a statement that looks at a
 * whole fleet holds anybody up but those who wait for it.
 */
export class SqliteThread {
  readonly #worker: Worker;
  readonly #open = new Map<number, PromiseWithResolvers<Answered>>();
  #count = 0;
  /** The reason for which nothing is answered any more. */
  #ended: Error | undefined;

  private constructor(opening: Opening) {
    const source = `(${answerStatements})({ require });`;
    this.#worker = new Worker(source, { eval: true, workerData: opening });
    this.#open.set(0, Promise.withResolvers());
    this.#worker.on("message", (said: Said) => this.#hear(said));
    this.#worker.on("error", (error: Error) => this.#end(error));
    this.#worker.on("exit", () => this.#end(new Error("the database is closed")));
  }

  /**
   * Opens a connection.
   *
   * @param opening.file absolute, or `:memory:`
   */
  static async open(opening: Opening): Promise<SqliteThread> {
    const thread = new SqliteThread(opening);
    await thread.#open.get(0)?.promise;
    return thread;
  }

  /** Answers a statement, after those before it. */
  async run(sql: string, parameters: Value[]): Promise<Answered> {
    if (this.#ended !== undefined) throw this.#ended;
    const waiting = Promise.withResolvers<Answered>();
    const id = ++this.#count;
    // A thread that nobody waits for keeps no process from its end.
    if (this.#open.size === 0) this.#worker.ref();
    this.#open.set(id, waiting);
    this.#worker.postMessage({ id, sql, parameters } satisfies Wanted);
    return await waiting.promise;
  }

  async close(): Promise<void> {
    if (this.#ended !== undefined) return;
    const gone = new Promise((resolve) => this.#worker.once("exit", resolve));
    this.#worker.ref();
    this.#worker.postMessage("close");
    await gone;
  }

  #hear(said: Said): void {
    const waiting = this.#open.get(said.id);
    this.#open.delete(said.id);
    if (this.#open.size === 0) this.#worker.unref();
    if ("answered" in said) waiting?.resolve(said.answered);
    else waiting?.reject(Object.assign(new Error(said.failed.message), { code: said.failed.code }));
  }

  #end(reason: Error): void {
    this.#ended ??= reason;
    for (const waiting of this.#open.values()) waiting.reject(this.#ended);
    this.#open.clear();
  }
}
