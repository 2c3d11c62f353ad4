import path from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { Kysely } from "kysely";
import { NearsourceError } from "../../errors.ts";
import { type Dialect, openPostgres, openSqlite } from "./dialect.ts";
import type { Tables } from "./tables.ts";

/** The database of a server that names no other. */
export const DEFAULT_DATABASE = "sqlite:nearsource.db";

/** The server's database, and what of it differs from kind to kind. */
export interface Database {
  db: Kysely<Tables>;
  dialect: Dialect;
  close(): Promise<void>;
}

/**
 * Opens the database that `server.json` names: `sqlite:FILE` or `postgres://…`.
 *
 * @param from makes a path absolute that is relative to the server's folder
 * @throws NearsourceError CONFIG_INVALID, STORAGE_FAILED
 */
export async function openDatabase(url: string, from: (file: string) => string): Promise<Database> {
  const opened = url.startsWith("sqlite:")
    ? await openSqlite(url === "sqlite::memory:" ? ":memory:" : from(url.slice("sqlite:".length)))
    : /^postgres(?:ql)?:\/\//.test(url)
      ? await openPostgres(url)
      : undefined;
  if (opened === undefined) {
    throw new NearsourceError("CONFIG_INVALID", `"database": ${url.split(":")[0]} is no database of ours`, {
      hint: 'name "sqlite:FILE" or "postgres://…"',
    });
  }
  const db = new Kysely<Tables>({ dialect: opened.driver });
  return { db, dialect: opened.dialect, close: () => db.destroy() };
}

/** The file of a SQLite database, absolute; undefined for one of another kind. */
export function databaseFile(url: string, dir: string): string | undefined {
  return url.startsWith("sqlite:") ? path.resolve(dir, url.slice("sqlite:".length)) : undefined;
}

/** Copies a SQLite database as it is at one moment, while others write into it. */
export async function copyDatabase(file: string, copy: string): Promise<void> {
  const source = new DatabaseSync(file, { readOnly: true });
  try {
    await backup(source, copy);
  } finally {
    source.close();
  }
}

/** Longest time (ms) that a database may take to answer before it counts as failed. */
const PATIENCE = 2_000;

/** Whether it answers at the moment. */
export async function isAnswering({ db }: Database): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), PATIENCE);
  const probe = db.selectFrom("setup").select("created_at").limit(1).execute();
  const answered = probe.then(
    () => true,
    () => false,
  );
  return await Promise.race([answered, late.promise]).finally(() => clearTimeout(timer));
}
