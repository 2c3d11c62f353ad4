import type { ServerResponse } from "node:http";
import { type Listener, openListener } from "../io/listener.ts";
import type { Log } from "../io/log.ts";
import type { RelayPart } from "./role.ts";

export interface MonitorOptions {
  host: string;
  port: number;
  log: Log;
  /** The Update Agent's part; undefined while the role is not held. */
  watched(): Pick<RelayPart, "health" | "metrics"> | undefined;
}

/**
 * Serves `/healthz` and `/metrics` to whoever watches this machine, by default from this machine alone:
 * 200 with the state of the agent as JSON, and OpenMetrics while it is an Update Agent.
 *
 * @throws NearsourceError CONFIG_INVALID when the port cannot be had
 */
export async function startMonitor({ watched, ...options }: MonitorOptions): Promise<Listener> {
  return await openListener({ ...options, maxConnections: 100 }, async (request, response) => {
    const isRead = request.method === "GET" || request.method === "HEAD";
    if (!isRead) return answer(response, 405, "text/plain", "");
    const relay = watched();
    if (request.url === "/healthz") {
      const health = relay === undefined ? { role: "agent" } : { role: "update-agent", ...relay.health() };
      return answer(response, 200, "application/json", `${JSON.stringify(health)}\n`);
    }
    if (request.url !== "/metrics" || relay === undefined) return answer(response, 404, "text/plain", "");
    const page = await relay.metrics().catch(() => undefined);
    if (page === undefined) answer(response, 500, "text/plain", "");
    else answer(response, 200, page.contentType, page.body);
  });
}

function answer(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(body);
}
