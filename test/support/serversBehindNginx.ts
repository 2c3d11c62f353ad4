import { once } from "node:events";
import { promises as fs } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../../bench/nginx.ts";
import { spawnNginx, writeNginx } from "./nginx.ts";
import { type PostgresProcess, startPostgresProcess } from "./postgresProcess.ts";
import { newHome } from "./repositories.ts";
import { openServer, type ServerProcess } from "./serverProcess.ts";
import { makeServerFolders } from "./twoServers.ts";

/** Two real servers on one real PostgreSQL, behind a real nginx with the configuration of docs/scale.md. */
export interface Site {
  postgres: PostgresProcess;
  dirs: string[];
  /** Base URLs at nginx. */
  console: string;
  agents: string;
  /** A session of the administrator. */
  cookie: string;
  /** Ports of the servers themselves. */
  ports: { console: number; agents: number }[];
  /** SIGKILL. */
  killServer(index: number): Promise<void>;
  startServer(index: number): Promise<void>;
  signal(index: number, signal: "SIGSTOP" | "SIGCONT"): void;
  close(): Promise<void>;
}

export async function openSite(settings: Record<string, unknown> = {}): Promise<Site> {
  const home = await newHome("site");
  const postgres = await startPostgresProcess();
  const { dirs, token } = await makeServerFolders(2, postgres.url, { enrolment: "open", ...settings });
  const ports = [];
  for (const dir of dirs) {
    const own = { console: await freePort(), agents: await freePort() };
    ports.push(own);
    const file = path.join(dir, "server.json");
    const written = JSON.parse(await fs.readFile(file, "utf8"));
    const at = (port: number) => ({ host: "127.0.0.1", port });
    const places = { console: at(own.console), agents: at(own.agents) };
    await fs.writeFile(file, JSON.stringify({ ...written, ...places, insecure: true }));
  }
  const servers: (ServerProcess | undefined)[] = [];
  for (const dir of dirs) servers.push(await openServer(dir));
  const nginx = await startNginx(home, ports);
  const user = { token, user: "ada", password: "correct horse battery" };
  const made = await fetch(`${nginx.console}/api/v1/setup`, {
    method: "POST",
    headers: { "content-type": "application/json", "sec-fetch-site": "same-origin" },
    body: JSON.stringify(user),
  });
  if (made.status !== 201) throw new Error(`the set-up failed: ${await made.text()}`);
  return {
    postgres,
    dirs,
    ports,
    console: nginx.console,
    agents: nginx.agents,
    cookie: made.headers.get("set-cookie")?.split(";")[0] ?? "",
    killServer: async (index) => {
      servers[index]?.process.kill("SIGKILL");
      await servers[index]?.ended;
      servers[index] = undefined;
    },
    startServer: async (index) => {
      servers[index] = await openServer(dirs[index] ?? "");
    },
    signal: (index, signal) => void servers[index]?.process.kill(signal),
    close: async () => {
      for (const each of servers) each?.process.kill("SIGKILL");
      await Promise.all(servers.map((each) => each?.ended));
      await nginx.close();
      await postgres.remove();
    },
  };
}

const CONFIGURATION = path.join(import.meta.dirname, "..", "..", "docs", "nginx-servers.conf");

async function startNginx(folder: string, ports: Site["ports"]) {
  const [console, agents] = [await freePort(), await freePort()];
  let written = await fs.readFile(CONFIGURATION, "utf8");
  for (const [index, own] of ports.entries()) {
    written = written
      .replaceAll(`nearsource-${index + 1}:21110`, `127.0.0.1:${own.console}`)
      .replaceAll(`nearsource-${index + 1}:21111`, `127.0.0.1:${own.agents}`);
  }
  written = written
    .replace("0.0.0.0:21111", `127.0.0.1:${agents}`)
    .replace("127.0.0.1:21110", `127.0.0.1:${console}`);
  const child = spawnNginx(await writeNginx(folder, written));
  const stop = () => child.kill();
  process.once("exit", stop);
  const urls = { console: `http://127.0.0.1:${console}`, agents: `http://127.0.0.1:${agents}` };
  while (!(await fetch(urls.console).catch(() => undefined))) {
    if (child.exitCode !== null) throw new Error(await fs.readFile(`${folder}/nginx.log`, "utf8"));
    await sleep(20);
  }
  return {
    ...urls,
    close: async () => {
      process.off("exit", stop);
      stop();
      if (child.exitCode === null) await once(child, "exit");
    },
  };
}
