import type { IncomingMessage, ServerResponse } from "node:http";
import { senderOf } from "../../http/sender.ts";
import { type Listener, type ListenerOptions, openListener } from "../../http/server.ts";
import {
  countGenuine,
  countMistake,
  isBlocked,
  NOTIFICATION_LIMIT,
  noSenders,
} from "../../tuf/notification.ts";
import type { Verdict } from "./notifications.ts";
import { createReception } from "./senderLimit.ts";

export interface AgentListenerOptions extends ListenerOptions {
  receive(text: string): Promise<Verdict>;
  /** Answers every other request; undefined while the agent has nothing to serve. */
  serve(): ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
  /** Clock for the memory of mistakes; milliseconds. */
  now(): number;
}

const STATUS = { new: 202, older: 204, refused: 403 } as const satisfies Record<Verdict, number>;

/**
 * Listens for notifications (docs/notification.md), and hands everything else to the Update Agent's part.
 *
 * @throws NearsourceError CONFIG_INVALID when the port or the certificate cannot be used
 */
export async function startListener(options: AgentListenerOptions): Promise<Listener> {
  const notify = createNotifyHandler(options);
  return await openListener(options, (request, response) => {
    const serve = options.serve();
    if (request.url === "/v1/notify") notify(request, response);
    else if (serve !== undefined) serve(request, response);
    else answer(response, 404);
  });
}

/**
 * Answers `POST /v1/notify`. Cheap checks come first, the signature last.
 *
 * @param options.addressOf the address that a request comes from; of its connection by default
 */
export function createNotifyHandler({
  receive,
  now,
  addressOf = (request) => request.socket.remoteAddress ?? "",
}: Pick<AgentListenerOptions, "receive" | "now"> & { addressOf?: (request: IncomingMessage) => string }) {
  const senders = noSenders();
  const reception = createReception();
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const key = senderOf(addressOf(request));
    if (request.method !== "POST") return answer(response, 405);
    if (isBlocked(senders, key, now())) return answer(response, 429);
    const place = reception.enter(key, senders.proven.has(key), () => answer(response, 503));
    if (place === undefined) return answer(response, 503);
    try {
      const text = await readBody(request);
      place.received();
      // Its place was taken while its last piece was on its way.
      if (response.writableEnded) return;
      const status = text === undefined ? 413 : STATUS[await receive(text)];
      if (status > 400) countMistake(senders, key, now());
      else if (status === 202) countGenuine(senders, key);
      answer(response, status);
    } catch {
      response.destroy();
    } finally {
      place.leave();
    }
  };
}

/** The body as text; undefined when it is longer than a notification may be. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  if (Number(request.headers["content-length"] ?? 0) > NOTIFICATION_LIMIT) return undefined;
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > NOTIFICATION_LIMIT) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

/**
 * A status and nothing else, then the end of the connection: 17 bytes for a refusal, so that no answer is
 * longer than the shortest request that it could be to. A client that is not refused has sent hundreds.
 */
function answer(response: ServerResponse, status: number): void {
  response.sendDate = false;
  response.shouldKeepAlive = false;
  for (const name of ["Content-Length", "Transfer-Encoding"]) response.removeHeader(name);
  // An answer without a body, 204, does not end with the connection unless it says so.
  if (status < 300) response.setHeader("Connection", "close");
  else response.removeHeader("Connection");
  response.writeHead(status, "").end();
}
