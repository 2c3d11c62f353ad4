import { promises as fs } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { SILENT } from "../../src/config/log.ts";
import { freshConsole } from "../../src/console/buildConsole.ts";
import { initServer } from "../../src/server/initServer.ts";
import { type RunningServer, runServer } from "../../src/server/runServer.ts";
import { readServerConfig } from "../../src/server/serverConfig.ts";

/** A server with its page, on ports of its own. */
export interface ConsoleWorld {
  url: string;
  agentsUrl: string;
  dir: string;
  /** Of the set-up link. */
  token: string;
  server: RunningServer;
  /** Stops it, and starts it again on the same ports. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** @param settings keys of `server.json` beside those that `server init` writes */
export async function makeConsole(settings: Record<string, unknown> = {}): Promise<ConsoleWorld> {
  await freshConsole();
  const folder = await fs.mkdtemp(path.join(tmpdir(), "nearsource-console-"));
  const dir = path.join(folder, "server");
  const { token, config } = await initServer({ dir });
  const written = JSON.parse(await fs.readFile(config, "utf8"));
  const ports = { console: { host: "127.0.0.1", port: 0 }, agents: { host: "127.0.0.1", port: 0 } };
  await fs.writeFile(config, JSON.stringify({ ...written, ...ports, insecure: true, ...settings }));
  const world: ConsoleWorld = {
    url: "",
    agentsUrl: "",
    dir,
    token,
    server: await runServer(await readServerConfig(dir), SILENT),
    async restart() {
      const { consolePort, agentsPort } = world.server;
      await world.server.close();
      const again = await readServerConfig(dir);
      again.console.port = consolePort;
      again.agents.port = agentsPort;
      world.server = await runServer(again, SILENT);
    },
    async close() {
      await world.server.close();
      await fs.rm(folder, { recursive: true, force: true });
    },
  };
  world.url = `http://127.0.0.1:${world.server.consolePort}`;
  world.agentsUrl = `http://127.0.0.1:${world.server.agentsPort}`;
  return world;
}
