import { execFileSync, spawn } from "node:child_process";
import { existsSync, promises as fs, readdirSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { type Database, openDatabase } from "../../src/server/store/database.ts";
import { migrate } from "../../src/server/store/migrate.ts";
import { atFileEnd } from "./fileEnd.ts";

/** A kind of database that the server works with. */
export interface DatabaseKind {
  name: string;
  /** Whether it is to be had on this machine. */
  isHere: boolean;
  /** Whether another process can open the same one. */
  isShared: boolean;
  /** The address of a new and empty database, as `server.json` names it. */
  makeUrl(): Promise<string>;
  /** A new database with all tables, closed when the test file has ended. */
  open(): Promise<Database>;
}

/** Opens a database, and closes it when the test file has ended. */
export async function openUntilEnd(url: string): Promise<Database> {
  const database = await openDatabase(url, (file) => file);
  atFileEnd(() => database.close());
  return database;
}

async function openMigrated(url: string): Promise<Database> {
  const database = await openUntilEnd(url);
  await migrate(database.db);
  return database;
}

/**
 * Every kind of database, for suites that hold on each of them. Without PostgreSQL its tests skip, and say
 * so; in CI they fail.
 */
export function databases(): DatabaseKind[] {
  const programs = programsOfPostgres();
  if (programs === undefined) console.warn("PostgreSQL is not installed: its tests skip");
  const inMemory = async () => "sqlite::memory:";
  const inFile = async () => `sqlite:${path.join(await newFolder("sqlite"), "server.db")}`;
  const inPostgres = async () => (await server()).create();
  return [
    {
      name: "SQLite in memory",
      isHere: true,
      isShared: false,
      makeUrl: inMemory,
      open: async () => openMigrated(await inMemory()),
    },
    {
      name: "SQLite in a file",
      isHere: true,
      isShared: true,
      makeUrl: inFile,
      open: async () => openMigrated(await inFile()),
    },
    {
      name: "PostgreSQL",
      isHere: programs !== undefined || process.env.CI !== undefined,
      isShared: true,
      makeUrl: inPostgres,
      open: async () => openUntilEnd(await (await server()).clone()),
    },
  ];
}

async function newFolder(label: string): Promise<string> {
  const folder = await fs.mkdtemp(path.join(tmpdir(), `nearsource-${label}-`));
  atFileEnd(() => fs.rm(folder, { recursive: true, force: true }));
  return folder;
}

/** The folder of PostgreSQL's own programs, which Debian keeps out of the path. */
export function programsOfPostgres(): string | undefined {
  const home = "/usr/lib/postgresql";
  const versions = existsSync(home) ? readdirSync(home).sort((a, b) => Number(b) - Number(a)) : [];
  const places = [...versions.map((version) => path.join(home, version, "bin"))];
  return [...places, ...(process.env.PATH ?? "").split(":")].find((each) =>
    existsSync(path.join(each, "initdb")),
  );
}

/** A PostgreSQL server of this process's own, for all test files that run in it. */
interface PostgresServer {
  /** A new and empty database. */
  create(): Promise<string>;
  /** A new database with all tables. */
  clone(): Promise<string>;
}

let started: Promise<PostgresServer> | undefined;

function server(): Promise<PostgresServer> {
  started ??= startPostgres();
  return started;
}

/** PostgreSQL refuses to work for the superuser: it is started as its own account then. */
export function accountOfPostgres(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const idOf = (option: string) => Number(execFileSync("id", [option, "postgres"]).toString());
  return { uid: idOf("-u"), gid: idOf("-g") };
}

/**
 * Starts a server on a socket in a temporary folder. It ends with this process, however that ends. Its texts
 * sort as a language has them, which no query of ours may notice.
 */
async function startPostgres(): Promise<PostgresServer> {
  const programs = programsOfPostgres();
  if (programs === undefined) throw new Error("PostgreSQL is not installed: apt-get install postgresql");
  const account = accountOfPostgres();
  const folder = await fs.mkdtemp(path.join(tmpdir(), "nearsource-pg-"));
  if (account.uid !== undefined) await fs.chown(folder, account.uid, account.gid ?? 0);
  const data = path.join(folder, "data");
  const options = { ...account, cwd: folder, env: { PATH: process.env.PATH, LC_ALL: "C" } };
  const language = ["--locale=C", "--encoding=UTF8", "--locale-provider=icu", "--icu-locale=en-US"];
  const initdb = ["-D", data, "-U", "postgres", "-A", "trust", "--no-sync", ...language];
  execFileSync(path.join(programs, "initdb"), initdb, { ...options, stdio: "pipe" });
  const settings = [
    "listen_addresses=",
    `unix_socket_directories=${folder}`,
    "fsync=off",
    "max_connections=200",
  ];
  const words = ["-D", data, ...settings.flatMap((each) => ["-c", each])].map((word) => `'${word}'`);
  // The shell waits for the end of its input, which is the end of this process, and then ends the server.
  const script = `'${path.join(programs, "postgres")}' ${words.join(" ")} & read _; kill -QUIT $!; wait; rm -rf '${folder}'`;
  const shell = spawn("sh", ["-c", script], { ...options, stdio: ["pipe", "ignore", "pipe"] });
  const lines: string[] = [];
  for await (const line of createInterface(shell.stderr)) {
    lines.push(line);
    if (line.includes("ready to accept connections")) break;
    if (line.includes("FATAL")) throw new Error(`PostgreSQL did not start: ${lines.join("\n")}`);
  }
  shell.stderr.resume();
  // It holds nobody up who is done.
  for (const each of [shell, shell.stdin as Socket, shell.stderr as Socket]) each.unref();
  return await openServer((name) => `postgres://postgres@/${name}?host=${encodeURIComponent(folder)}`);
}

async function openServer(urlOf: (name: string) => string): Promise<PostgresServer> {
  const { default: pg } = await import("pg");
  const pool = new pg.Pool({ connectionString: urlOf("postgres"), max: 1, allowExitOnIdle: true });
  pool.on("error", () => {});
  let count = 0;
  const make = async (name: string, from: string) => {
    await pool.query(`create database ${name} template ${from}`);
    return urlOf(name);
  };
  const create = async (from: string) => {
    const name = `test${++count}`;
    // Asked for before the database is opened, and so done after it was closed.
    atFileEnd(() => pool.query(`drop database if exists ${name} with (force)`));
    return await make(name, from);
  };
  const migrated = await openDatabase(await make("migrated", "template1"), (file) => file);
  await migrate(migrated.db).finally(() => migrated.close());
  return { create: () => create("template1"), clone: () => create("migrated") };
}
