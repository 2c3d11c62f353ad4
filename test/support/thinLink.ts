import { once } from "node:events";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { replyTo, startSource, type TestSource } from "./source.ts";

/** A link of so many bytes a second, which all that crosses it shares, byte for byte. */
export interface Link {
  /** Bytes of bodies that have crossed it. */
  crossed(): number;
  /** Makes it this wide from now on, in bytes a second. */
  widen(rate: number): void;
}

/** An honest source behind a link that all its answers share. */
export type ThinSource = TestSource & Link;

/** Bytes that cross in one go. */
const PACKET = 4_096;

/** @param width bytes a second, of all answers together */
export function makeLink(width = Number.POSITIVE_INFINITY) {
  let rate = width;
  let crossed = 0;
  let free = performance.now();
  /** Waits until the link has carried so many bytes more. */
  const carry = async (bytes: number) => {
    free = Math.max(free, performance.now()) + (bytes * 1_000) / rate;
    const wait = free - performance.now();
    if (wait > 0) await sleep(wait);
    crossed += bytes;
  };
  return {
    crossed: () => crossed,
    widen: (wanted: number) => {
      rate = wanted;
    },
    /** Sends a part of a body over it. */
    send: async (response: ServerResponse, body: Buffer) => {
      for (let at = 0; at < body.length && !response.destroyed; at += PACKET) {
        const packet = body.subarray(at, at + PACKET);
        await carry(packet.length);
        response.write(packet);
      }
    },
  };
}

/** @param width bytes a second, of all answers together */
export async function startThinSource(root: string, width = Number.POSITIVE_INFINITY): Promise<ThinSource> {
  const { send, ...link } = makeLink(width);
  const source = await startSource(root, {
    answer: async ({ url = "", headers }, response) => {
      const asked = { path: url, range: headers.range, ifNoneMatch: headers["if-none-match"] };
      const reply = await replyTo(source.root, { ranges: true, etags: true }, asked);
      response.writeHead(reply.status, reply.headers).flushHeaders();
      await send(response, reply.body);
      response.end();
      return true;
    },
  });
  return Object.assign(source, link);
}

/** The way of one machine to a server, over a link that others may share. */
export interface Way {
  url: string;
  /** All that was asked for by it, in order, and the bytes of the body that crossed so far. */
  requests: { path: string; bytes: number }[];
  close(): Promise<void>;
}

/** Opens one to the server at `target`. */
export async function openWay(target: string, { send }: ReturnType<typeof makeLink>): Promise<Way> {
  const requests: Way["requests"] = [];
  const pass = async (request: IncomingMessage, response: ServerResponse) => {
    const entry = { path: request.url ?? "", bytes: 0 };
    requests.push(entry);
    const { method = "GET", headers } = request;
    const onward = http.request(new URL(entry.path, target), { method, headers, agent: false });
    response.on("close", () => onward.destroy());
    request.pipe(onward);
    const [answer] = (await once(onward, "response")) as [IncomingMessage];
    response.writeHead(answer.statusCode ?? 502, answer.headers).flushHeaders();
    for await (const piece of answer) {
      await send(response, piece);
      entry.bytes += piece.length;
    }
    response.end();
  };
  const server = http.createServer((request, response) => {
    pass(request, response).catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  };
  return { url: `http://127.0.0.1:${port}`, requests, close };
}
