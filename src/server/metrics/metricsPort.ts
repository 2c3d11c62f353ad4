import type { IncomingMessage, ServerResponse } from "node:http";
import { type AddressRange, parseAddress, parseRange, rangeContains } from "../../core/order/address.ts";
import { explainError } from "../../errors.ts";
import { type Listener, openListener } from "../../http/server.ts";
import type { Context } from "../context.ts";
import { listenerPlace } from "../listenerPlace.ts";
import { answerHealth } from "../serverHealth.ts";
import { metricsOf } from "./metricsPage.ts";

/** Connections of monitors at once. */
const MOST = 100;

/**
 * Opens the port at which monitors read `/metrics` and `/healthz` without a token, where `server.json` names one: from the
 * addresses of `metrics.allow`, which are those of connections, whatever a proxy says.
 *
 * @throws NearsourceError CONFIG_INVALID when it cannot be opened
 */
export async function openMetricsPort(context: Context): Promise<Listener | undefined> {
  const { config, log } = context;
  if (config.metrics === undefined) return undefined;
  const ranges = config.metrics.allow?.map(parseRange);
  const options = { ...listenerPlace("metrics", config.metrics), log, maxConnections: MOST };
  return await openListener(options, (request, response) => {
    if (isAllowed(request.socket.remoteAddress, ranges)) return void answer(context, request, response);
    // A connection of somebody who may not come takes nobody's place.
    response.writeHead(403, { ...PLAIN, connection: "close" }).end();
  });
}

/** Whether an address is in one of the ranges; any is where there are none. */
function isAllowed(address = "", ranges: AddressRange[] | undefined): boolean {
  if (ranges === undefined) return true;
  try {
    const from = parseAddress(address.replace(/%.*$/, ""));
    return ranges.some((range) => rangeContains(range, from));
  } catch {
    return false;
  }
}

const PLAIN = { "content-type": "text/plain", "cache-control": "no-store" };

async function answer(
  context: Context,
  { method, url }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (method !== "GET" && method !== "HEAD") return void response.writeHead(405, PLAIN).end();
  if (url === "/healthz") return await answerHealth(context, response);
  if (url !== "/metrics") return void response.writeHead(404, PLAIN).end();
  try {
    const { type, body } = await metricsOf(context);
    response.writeHead(200, { ...PLAIN, "content-type": type }).end(body);
  } catch (error) {
    context.log.error(`the metrics could not be rendered: ${explainError(error)}`);
    response.writeHead(500, PLAIN).end();
  }
}
