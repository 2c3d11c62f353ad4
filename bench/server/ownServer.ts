import { type ChildProcess, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { initServer } from "../../src/server/initServer.ts";
import { type Database, openDatabase } from "../../src/server/store/database.ts";
import { freePort } from "../nginx.ts";
import type { Bench } from "../outcome.ts";
import { type Used, usedBy } from "../relayServer.ts";
import { fillFleet } from "./fleet.ts";
import { type Postgres, startPostgres } from "./postgres.ts";

export const DATABASES = ["SQLite", "PostgreSQL"] as const;
export type DatabaseName = (typeof DATABASES)[number];

/** The built server as a process, with a fleet in its database. */
export interface OwnServer {
  name: DatabaseName;
  dir: string;
  /** Address of its database. */
  database: string;
  console: number;
  agents: number;
  /** An administrator's API token. */
  token: string;
  pid: number;
  used(): Promise<Used>;
  /** Longest time (ms) that its event loop was held since the last call, and the time in a hundred's longest. */
  held(): Promise<{ longest: number; usually: number }>;
  /** Reads and writes its database as another process would. */
  withDatabase<Result>(work: (database: Database) => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
}

/** Makes a server with the fleet of `fleet.ts`, and starts it. */
export async function startOwnServer(
  bench: Bench,
  name: DatabaseName,
  settings: Record<string, unknown> = {},
): Promise<OwnServer> {
  const dir = await fs.mkdtemp(path.join(bench.work, "server-"));
  await fs.rm(dir, { recursive: true });
  const postgres: Postgres | undefined = name === "SQLite" ? undefined : await startPostgres(bench.work);
  const [console, agents] = [await freePort(), await freePort()];
  const url = postgres?.url ?? "sqlite:nearsource.db";
  const { config, token: setUp } = await initServer({
    dir,
    database: url,
    console: { host: "127.0.0.1", port: console },
    agents: { host: "127.0.0.1", port: agents },
  });
  const written = JSON.parse(await fs.readFile(config, "utf8"));
  await fs.writeFile(config, JSON.stringify({ ...written, retireAfter: null, ...settings }));
  const withDatabase: OwnServer["withDatabase"] = async (work) => {
    const database = await openDatabase(url, (file) => path.resolve(dir, file));
    try {
      return await work(database);
    } finally {
      await database.close();
    }
  };
  await withDatabase(fillFleet);
  const token = await withDatabase(addToken);
  const { child, held } = await startProcess(bench, dir, console);
  await setUpServer(console, setUp);
  // As a server is that has been running: whose orders were computed, and whose database knows its tables.
  await withDatabase(settle);
  return {
    name,
    dir,
    database: url.startsWith("sqlite:") ? `sqlite:${path.join(dir, "nearsource.db")}` : url,
    console,
    agents,
    token,
    pid: child.pid ?? 0,
    used: () => usedBy(child.pid ?? 0),
    held,
    withDatabase,
    close: async () => {
      child.kill("SIGTERM");
      if (child.exitCode === null) await once(child, "exit");
      await postgres?.close();
      await fs.rm(dir, { recursive: true, force: true });
    },
  };
}

async function startProcess(bench: Bench, dir: string, port: number) {
  const watch = path.join(import.meta.dirname, "../children/watchLoop.ts");
  const profile =
    process.env.PROFILE === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${process.env.PROFILE}`];
  const child: ChildProcess = spawn(
    process.execPath,
    ["--import", watch, ...profile, bench.main, "server", dir],
    { stdio: ["ignore", "ignore", "inherit", "ipc"] },
  );
  process.once("exit", () => child.kill("SIGKILL"));
  while (!(await isReady(port))) {
    if (child.exitCode !== null) throw new Error("the server did not start");
    await sleep(50);
  }
  const held = async () => {
    child.send("held");
    return (await once(child, "message"))[0] as { longest: number; usually: number };
  };
  return { child, held };
}

async function settle({ db, dialect }: Database): Promise<void> {
  const isDue = () =>
    db.selectFrom("agents").select("id").where("plan_due", "=", 1).limit(1).executeTakeFirst();
  while ((await isDue()) !== undefined) await sleep(200);
  // PostgreSQL does so by itself, within a minute.
  if (dialect.name === "postgres") await sql`analyze`.execute(db);
}

async function isReady(port: number): Promise<boolean> {
  return await fetch(`http://127.0.0.1:${port}/healthz`).then(
    () => true,
    () => false,
  );
}

async function setUpServer(port: number, token: string): Promise<void> {
  const { status } = await fetch(`http://127.0.0.1:${port}/api/v1/setup`, {
    method: "POST",
    headers: { "content-type": "application/json", "sec-fetch-site": "same-origin" },
    body: JSON.stringify({ token, user: "ada", password: "correct horse battery" }),
  });
  if (status >= 300) throw new Error(`the server was not set up: ${status}`);
}

async function addToken({ db }: Database): Promise<string> {
  const secret = randomBytes(32).toString("base64url");
  const maker = { id: "bench", name: "bench", open_id: "bench", role: "administrator" };
  await db
    .insertInto("users")
    .values({ ...maker, password_hash: "", created_at: Date.now(), disabled_at: null })
    .execute();
  await db
    .insertInto("api_tokens")
    .values({
      id: "bench",
      name: "bench",
      token_hash: createHash("sha256").update(secret).digest("hex"),
      role: "administrator",
      created_by: "bench",
      maker_id: "bench",
      created_at: Date.now(),
      expires_at: null,
      used_at: null,
    })
    .execute();
  return secret;
}
