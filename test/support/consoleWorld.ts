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
  /** Stops it, until it is started again. */
  stop(): Promise<void>;
  /** Starts it again on the same ports, after it was stopped where it was not. */
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
  let isOn = true;
  const world: ConsoleWorld = {
    url: "",
    agentsUrl: "",
    dir,
    token,
    server: await runServer(await readServerConfig(dir), SILENT),
    async stop() {
      isOn = false;
      await world.server.close();
    },
    async restart() {
      const { consolePort, agentsPort } = world.server;
      if (isOn) await world.server.close();
      isOn = true;
      const again = await readServerConfig(dir);
      again.console.port = consolePort;
      again.agents.port = agentsPort;
      world.server = await runServer(again, SILENT);
    },
    async close() {
      if (isOn) await world.server.close();
      await fs.rm(folder, { recursive: true, force: true });
    },
  };
  world.url = `http://127.0.0.1:${world.server.consolePort}`;
  world.agentsUrl = `http://127.0.0.1:${world.server.agentsPort}`;
  return world;
}

export const USER = { user: "ada", password: "correct horse battery" };

export interface Answer {
  status: number;
  etag: string;
  // biome-ignore lint/suspicious/noExplicitAny: each call has an answer of its own shape
  body: any;
}

/** The first administrator, as a page of the server's own calls. */
export interface Administrator {
  cookie: string;
  /** @throws Error for a refusal */
  call(method: string, place: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
  /** Makes a user of a role. @returns the cookie of a session */
  signIn(role: "viewer" | "operator" | "administrator"): Promise<string>;
}

/** Makes the first administrator, by the link of `init`. */
export async function setUpConsole({ url, token }: ConsoleWorld): Promise<Administrator> {
  const headers = { "content-type": "application/json", "sec-fetch-site": "same-origin" };
  const send = (place: string, body: unknown) =>
    fetch(`${url}/api/v1${place}`, { method: "POST", headers, body: JSON.stringify(body) });
  const cookieOf = (answer: Response) => answer.headers.get("set-cookie")?.split(";")[0] ?? "";
  const cookie = cookieOf(await send("/setup", { token, ...USER }));
  const call: Administrator["call"] = async (method, place, body, more = {}) => {
    const answer = await fetch(`${url}/api/v1${place}`, {
      method,
      headers: { ...headers, cookie, ...more },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${place}: ${answer.status} ${text}`);
    return {
      status: answer.status,
      etag: answer.headers.get("etag") ?? "",
      body: text === "" ? null : JSON.parse(text),
    };
  };
  const signIn: Administrator["signIn"] = async (role) => {
    const user = { user: `the ${role}`, password: USER.password };
    await call("POST", "/users", { ...user, role });
    return cookieOf(await send("/session", user));
  };
  return { cookie, call, signIn };
}
