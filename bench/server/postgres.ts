import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, promises as fs, readdirSync } from "node:fs";
import path from "node:path";
import { createInterface } from "node:readline";

/** A PostgreSQL server of the benchmark's own. */
export interface Postgres {
  url: string;
  /** The first of its processes. */
  pid: number;
  close(): Promise<void>;
}

/** Where Debian keeps PostgreSQL's programs. */
function programs(): string | undefined {
  const home = "/usr/lib/postgresql";
  const versions = existsSync(home) ? readdirSync(home).sort((a, b) => Number(b) - Number(a)) : [];
  return versions
    .map((version) => path.join(home, version, "bin"))
    .find((each) => existsSync(path.join(each, "initdb")));
}

export function hasPostgres(): boolean {
  return programs() !== undefined;
}

/** Starts it on a socket below `work`, as Debian configures it: a commit is on the disk when it is acknowledged. */
export async function startPostgres(work: string): Promise<Postgres> {
  const bin = programs();
  if (bin === undefined) throw new Error("PostgreSQL is not installed (Debian: postgresql)");
  const folder = await fs.mkdtemp(path.join(work, "pg-"));
  const idOf = (option: string) => Number(execFileSync("id", [option, "postgres"]).toString());
  const account = process.getuid?.() === 0 ? { uid: idOf("-u"), gid: idOf("-g") } : {};
  await fs.chmod(work, 0o755);
  if (account.uid !== undefined) await fs.chown(folder, account.uid, account.gid);
  const data = path.join(folder, "data");
  const options = { ...account, cwd: folder, env: { PATH: process.env.PATH, LC_ALL: "C.UTF-8" } };
  execFileSync(path.join(bin, "initdb"), ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"], {
    ...options,
    stdio: "pipe",
  });
  const settings = ["-c", "listen_addresses=", "-c", `unix_socket_directories=${folder}`];
  const child = spawn(path.join(bin, "postgres"), ["-D", data, ...settings], {
    ...options,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const stop = () => child.kill("SIGINT");
  process.once("exit", stop);
  for await (const line of createInterface(child.stderr)) {
    if (line.includes("ready to accept connections")) break;
    if (line.includes("FATAL")) throw new Error(`PostgreSQL did not start: ${line}`);
  }
  child.stderr.resume();
  const url = `postgres://postgres@/postgres?host=${encodeURIComponent(folder)}`;
  return {
    url,
    pid: child.pid ?? 0,
    close: async () => {
      process.off("exit", stop);
      stop();
      if (child.exitCode === null) await once(child, "exit");
    },
  };
}
