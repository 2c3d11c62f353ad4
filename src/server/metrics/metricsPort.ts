import type { IncomingMessage, ServerResponse } from "node:http";
import { explainError } from "../../errors.ts";
import { type Listener, openListener } from "../../http/server.ts";
import type { Context } from "../context.ts";
import { answerHealth } from "../serverHealth.ts";
import { metricsOf } from "./metricsPage.ts";

/** Connections of monitors at once. */
const MOST = 100;

/**
 * Opens the port at which monitors read `/metrics` and `/healthz` without a token, where `server.json` names one.
 *
 * @throws NearsourceError CONFIG_INVALID when it cannot be opened
 */
export async function openMetricsPort(context: Context): Promise<Listener | undefined> {
  const { config, log } = context;
  if (config.metrics === undefined) return undefined;
  const { host, port } = config.metrics;
  const options = { ...(host === "" ? {} : { host }), port, log, maxConnections: MOST };
  return await openListener(options, (request, response) => void answer(context, request, response));
}

async function answer(
  context: Context,
  { method, url }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const plain = { "content-type": "text/plain", "cache-control": "no-store" };
  if (method !== "GET" && method !== "HEAD") return void response.writeHead(405, plain).end();
  if (url === "/healthz") return await answerHealth(context, response);
  if (url !== "/metrics") return void response.writeHead(404, plain).end();
  try {
    const { type, body } = await metricsOf(context);
    response.writeHead(200, { ...plain, "content-type": type }).end(body);
  } catch (error) {
    context.log.error(`the metrics could not be rendered: ${explainError(error)}`);
    response.writeHead(500, plain).end();
  }
}
