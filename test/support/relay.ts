import { type ChildProcess, fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import http, { type IncomingHttpHeaders } from "node:http";
import net from "node:net";
import path from "node:path";
import { afterEach } from "vitest";
import { readConfig } from "../../src/config/config.ts";
import type { Log } from "../../src/config/log.ts";
import type { Kind } from "../../src/core/content/kind.ts";
import { openListener } from "../../src/http/server.ts";
import { type Relay, startRelay } from "../../src/relay/relay.ts";
import type { RelayStats } from "../../src/relay/stats.ts";
import { COMPILED } from "./program.ts";
import { type SourceOptions, startSource, type TestSource } from "./source.ts";
import { type Agent, type AgentOptions, closeAll, makeAgent, type Publication, type World } from "./world.ts";

/** An Update Agent without its agent: the role alone, behind a listener of its own. */
export interface TestRelay {
  relay: Relay;
  agent: Agent;
  url: string;
  port: number;
  lines: string[];
  close: () => Promise<void>;
}

export interface TestRelayOptions extends Omit<AgentOptions, "sources"> {
  /** Base URL it fetches from, or several in order. */
  upstream: string | string[];
  kinds?: Kind[];
  /** The section of the configuration; nothing of the disk is asked for unless it says so. */
  relay?: Record<string, unknown>;
  /** An endpoint made earlier: its data directory is gone on with. */
  agent?: Agent;
  port?: number;
  tls?: { cert: string; key: string };
  /** See `RelayOptions`. */
  confirmPatience?: (hops: number) => number;
}

/** Starts an Update Agent in this process. It has fetched nothing yet: `relay.refresh()` does. */
export async function startTestRelay(world: World, options: TestRelayOptions): Promise<TestRelay> {
  const agent = options.agent ?? (await makeRelayAgent(world, options));
  const config = await readConfig(agent.configFile, {});
  const lines: string[] = [];
  const write = (message: string) => lines.push(message);
  const log: Log = { error: write, warn: write, info: write, debug: write };
  const relay = await startRelay({
    config,
    agentId: randomUUID(),
    kinds: options.kinds ?? ["components"],
    log,
    confirmPatience: options.confirmPatience,
  });
  const listener = await openListener(
    { host: "127.0.0.1", port: options.port ?? 0, tls: options.tls, log },
    relay.handle,
  );
  const { port } = listener;
  const close = async () => {
    await listener.close();
    await relay.close();
  };
  const scheme = options.tls === undefined ? "http" : "https";
  return { relay, agent, url: `${scheme}://127.0.0.1:${port}`, port, lines, close };
}

/** The endpoint that an Update Agent runs on: its sources are in its source list. */
export async function makeRelayAgent(world: World, options: TestRelayOptions): Promise<Agent> {
  const { upstream, relay, config = {}, ...rest } = options;
  const urls = Array.isArray(upstream) ? upstream : [upstream];
  const sources = Object.fromEntries(urls.map((url, index) => [`upstream-${index}`, url]));
  return await makeAgent(world, {
    ...rest,
    sources,
    config: { ...config, relay: { minFree: 0, ...relay } },
  });
}

/** A whole answer. */
export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** One request on a connection of its own; the path goes out exactly as it is given. */
export function ask(
  url: string,
  path: string,
  { method = "GET", ...options }: http.RequestOptions = {},
): Promise<Answer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const request = http.request({ hostname, port, path, method, agent: false, ...options }, (response) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.once("error", reject);
      response.once("end", () => {
        const { statusCode = 0, headers } = response;
        resolve({ status: statusCode, headers, body: Buffer.concat(pieces) });
      });
    });
    request.once("error", reject).end();
  });
}

/** The path of an object. */
export function objectUrl(sha256: string): string {
  return `/content/objects/${sha256.slice(0, 2)}/${sha256}`;
}

/** Sends this as it is, and returns all that comes back until the connection ends. */
export async function talk(port: number, text: string): Promise<string> {
  const socket = net.connect(port, "127.0.0.1");
  let received = "";
  socket.setEncoding("utf8").on("data", (piece: string) => {
    received += piece;
  });
  socket.on("error", () => {});
  socket.write(text);
  await once(socket, "close");
  return received;
}

/** An Update Agent in a process of its own. */
export interface RelayProcess {
  url: string;
  port: number;
  child: ChildProcess;
  agent: Agent;
  /** Does it, and reports its work and its memory so far. */
  command: (what: "stats" | "refresh" | "close") => Promise<ProcessState>;
  kill: () => Promise<void>;
}

export interface ProcessState {
  stats: RelayStats;
  rss: number;
  cpu: NodeJS.CpuUsage;
}

/** Starts one; with `lazy` it has fetched nothing yet. */
export async function startRelayProcess(
  world: World,
  options: TestRelayOptions & { lazy?: boolean },
): Promise<RelayProcess> {
  const agent = options.agent ?? (await makeRelayAgent(world, options));
  const script = path.join(import.meta.dirname, "relayProcess.ts");
  const args = [agent.configFile, String(options.port ?? 0), options.lazy === true ? "lazy" : "full"];
  const env = { ...process.env, ...COMPILED };
  const child = fork(script, args, { stdio: ["ignore", "inherit", "inherit", "ipc"], env });
  const next = async () => (await once(child, "message"))[0];
  const { port } = await next();
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    child,
    agent,
    command: (what) => {
      const answer = next();
      child.send(what);
      return answer;
    },
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    },
  };
}

/**
 * Sources and Update Agents for the tests of a file, closed after each of them.
 *
 * @param always options of every source
 */
export function startersFor(stage: { readonly world: World }, always: SourceOptions = {}) {
  const open: { close: () => Promise<void> }[] = [];
  afterEach(() => closeAll(open));
  return {
    open,
    async source(publication: Publication, options: SourceOptions = {}): Promise<TestSource> {
      const started = await startSource(stage.world.www(publication), { ...always, ...options });
      open.push(started);
      return started;
    },
    async start(options: TestRelayOptions): Promise<TestRelay> {
      const started = await startTestRelay(stage.world, options);
      open.push(started);
      return started;
    },
  };
}
