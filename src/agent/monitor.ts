import type { ServerResponse } from "node:http";
import type { Log } from "../config/log.ts";
import { type AgentHealth, agentMetrics, END_OF_METRICS, OPEN_METRICS } from "../core/agentHealth.ts";
import { explainError } from "../errors.ts";
import { type Listener, type ListenerOptions, openListener } from "../http/server.ts";
import type { Role } from "./relayRole.ts";

export interface MonitorOptions {
  host: string;
  port: number;
  named?: ListenerOptions["named"];
  log: Log;
  describe(): Promise<AgentHealth>;
  /** The Update Agent's part; undefined while the role is not held. */
  watched: Role["watched"];
  now(): number;
}

/**
 * Serves `/healthz` and `/metrics` to monitors, by default to those on this machine alone: 200 with the state
 * of the agent, and of its part as an Update Agent, as JSON and as OpenMetrics.
 *
 * @throws NearsourceError CONFIG_INVALID when the port cannot be opened
 */
export async function startMonitor(options: MonitorOptions): Promise<Listener> {
  const { host, port, named, log } = options;
  return await openListener({ host, port, named, log, maxConnections: 100 }, async (request, response) => {
    const isRead = request.method === "GET" || request.method === "HEAD";
    if (!isRead) return answer(response, 405, "text/plain", "");
    if (request.url === "/healthz") {
      return answer(response, 200, "application/json", `${JSON.stringify(await healthOf(options))}\n`);
    }
    if (request.url !== "/metrics") return answer(response, 404, "text/plain", "");
    answer(response, 200, OPEN_METRICS, await metricsOf(options));
  });
}

async function healthOf({ describe, watched }: MonitorOptions): Promise<object> {
  const health = await describe();
  const relay = watched()?.health();
  return relay === undefined ? health : { ...health, role: "update-agent", ...relay };
}

async function metricsOf({ describe, watched, now, log }: MonitorOptions): Promise<string> {
  const own = agentMetrics(await describe(), now());
  const relay = await watched()
    ?.metrics?.()
    .catch((error: unknown) => log.warn(`no metrics of the Update Agent: ${explainError(error)}`));
  return own + (relay?.body ?? END_OF_METRICS);
}

function answer(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(body);
}
