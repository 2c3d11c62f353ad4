import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { Webhook } from "standardwebhooks";

/** One request that a receiver of webhooks got, as it came. */
export interface Received {
  headers: Record<string, string>;
  body: string;
}

/** A receiver of webhooks. */
export interface Receiver {
  url: string;
  received: Received[];
  /** Answers of the next requests: a status, and fields of the header. */
  answer: {
    status: number;
    headers?: Record<string, string> /** It comes no sooner. */;
    after?: Promise<unknown>;
  };
  /** The events, each verified with the library of Standard Webhooks. */
  events(secret: string): { type: string; timestamp: string; data: Record<string, unknown> }[];
  close(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const server = http.createServer(async (request, response) => {
    received.push({
      headers: request.headers as Record<string, string>,
      body: await text(request).catch(() => ""),
    });
    const { status, headers, after } = receiver.answer;
    await after;
    response.writeHead(status, headers).end("x".repeat(100));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const receiver: Receiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    answer: { status: 204 },
    events: (secret) =>
      received.map(
        ({ headers, body }) => new Webhook(secret).verify(body, headers) as ReturnType<Receiver["events"]>[0],
      ),
    close: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
  return receiver;
}
