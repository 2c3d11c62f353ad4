import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { accountOfPostgres, programsOfPostgres } from "./databases.ts";

/** A PostgreSQL server that is killed and started again, of which the files stay. */
export interface PostgresProcess {
  url: string;
  /** SIGKILL, as from a machine that loses its power but not its disk. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Ends it, and its files. */
  remove(): Promise<void>;
}

/** Starts one on a socket in a folder of its own. It ends with this process, however that ends. */
export async function startPostgresProcess(): Promise<PostgresProcess> {
  const programs = programsOfPostgres();
  if (programs === undefined) throw new Error("PostgreSQL is not installed: apt-get install postgresql");
  const account = accountOfPostgres();
  const folder = await fs.mkdtemp(path.join(tmpdir(), "nearsource-pgk-"));
  if (account.uid !== undefined) await fs.chown(folder, account.uid, account.gid ?? 0);
  const data = path.join(folder, "data");
  const options = { ...account, cwd: folder, env: { PATH: process.env.PATH, LC_ALL: "C" } };
  const initdb = ["-D", data, "-U", "postgres", "-A", "trust", "--no-sync", "--encoding=UTF8", "--locale=C"];
  execFileSync(path.join(programs, "initdb"), initdb, { ...options, stdio: "pipe" });
  const settings = ["listen_addresses=", `unix_socket_directories=${folder}`, "fsync=off"];
  const words = ["-D", data, ...settings.flatMap((each) => ["-c", each])].map((word) => `'${word}'`);
  const script = `'${path.join(programs, "postgres")}' ${words.join(" ")} >>'${folder}/log' 2>&1 & read _; kill -QUIT $!; wait`;
  const url = `postgres://postgres@/postgres?host=${encodeURIComponent(folder)}`;
  let shell: ReturnType<typeof spawn> | undefined;
  const pidFile = path.join(data, "postmaster.pid");

  const isAnswering = async () => {
    const { default: pg } = await import("pg");
    const client = new pg.Client({ connectionString: url });
    client.on("error", () => {});
    return await client
      .connect()
      .then(() => client.query("select 1"))
      .then(
        () => true,
        () => false,
      )
      .finally(() => client.end().catch(() => {}));
  };
  const end = async () => {
    shell?.stdin?.end();
    if (shell?.exitCode === null) await once(shell, "exit");
  };
  const start = async () => {
    for (;;) {
      shell = spawn("sh", ["-c", script], { ...options, stdio: ["pipe", "ignore", "ignore"] });
      for (let tries = 0; tries < 100; tries++) {
        if (await isAnswering()) return;
        // Processes of the one before may still be on their way out.
        const [pid] = (await fs.readFile(pidFile, "utf8").catch(() => "")).split("\n");
        if (tries > 10 && (pid === "" || !isAlive(Number(pid)))) break;
        await sleep(50);
      }
      await end();
    }
  };
  await start();
  return {
    url,
    start,
    kill: async () => {
      const [pid] = (await fs.readFile(pidFile, "utf8")).split("\n");
      process.kill(Number(pid), "SIGKILL");
      while (isAlive(Number(pid)) && (await isRunning(Number(pid)))) await sleep(10);
      await end();
    },
    remove: async () => {
      await end();
      await fs.rm(folder, { recursive: true, force: true });
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Whether it is more than a zombie that its parent has not asked about. */
async function isRunning(pid: number): Promise<boolean> {
  const text = await fs.readFile(`/proc/${pid}/stat`, "utf8").catch(() => " ) Z");
  return text.slice(text.lastIndexOf(")") + 2, text.lastIndexOf(")") + 3) !== "Z";
}
