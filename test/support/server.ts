import { once } from "node:events";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** A stand-in for the server's interface to agents. */
export interface TestServer {
  url: string;
  /** Requests in order, with their bodies. */
  requests: { method: string; url: string; body: string }[];
  close(): Promise<void>;
}

/** Starts one that answers as `answer` says. */
export async function startServer(
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
): Promise<TestServer> {
  const requests: TestServer["requests"] = [];
  const server = http.createServer(async (request, response) => {
    const body = await text(request).catch(() => "");
    requests.push({ method: request.method ?? "", url: request.url ?? "", body });
    answer(request, response, body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: async () => {
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
    },
  };
}
