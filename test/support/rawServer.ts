import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { replyTo } from "./source.ts";

/** The head of a request as it came over the wire. */
export interface RawRequest {
  method: string;
  path: string;
  /** Headers by lower-case name. */
  headers: Record<string, string>;
  /** Number of requests for this path before this one, on any connection. */
  earlier: number;
}

/** Writes any bytes as the answer; the connection stays open unless it closes it. */
export type RawAnswer = (socket: Socket, request: RawRequest) => unknown;

export interface RawServer {
  url: string;
  port: number;
  requests: RawRequest[];
  /** Bytes written to all connections so far. */
  written: () => number;
  close: () => Promise<void>;
}

export interface RawServerOptions {
  /** Address to listen on; `127.0.0.1` by default. */
  host?: string;
  /** Called with each new connection; when it returns true, no request is read from it. */
  onConnection?: (socket: Socket) => boolean | undefined;
  answer?: RawAnswer;
}

/** Starts a server of bare sockets on loopback: its answers are exactly the bytes that are written. */
export async function startRawServer(options: RawServerOptions): Promise<RawServer> {
  const sockets = new Set<Socket>();
  const requests: RawRequest[] = [];
  let written = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("close", () => {
      sockets.delete(socket);
      written += socket.bytesWritten;
    });
    if (options.onConnection?.(socket) === true) return;
    readRequests(socket, requests, options.answer ?? (() => {}));
  });
  const { host = "127.0.0.1" } = options;
  server.listen(0, host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const open = () => [...sockets].reduce((sum, socket) => sum + socket.bytesWritten, 0);
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${port}`,
    port,
    requests,
    written: () => written + open(),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

function readRequests(socket: Socket, requests: RawRequest[], answer: RawAnswer): void {
  let received = "";
  socket.on("data", (chunk: Buffer) => {
    received += chunk.toString("latin1");
    for (let end = received.indexOf("\r\n\r\n"); end !== -1; end = received.indexOf("\r\n\r\n")) {
      const request = parseHead(received.slice(0, end));
      received = received.slice(end + 4);
      request.earlier = requests.filter((each) => each.path === request.path).length;
      requests.push(request);
      answer(socket, request);
    }
  });
}

function parseHead(head: string): RawRequest {
  const [first = "", ...lines] = head.split("\r\n");
  const [method = "", path = ""] = first.split(" ");
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  return { method, path, headers: Object.fromEntries(headers), earlier: 0 };
}

/** Answers honestly, from the files below `root`. */
export function honestly(root: string): RawAnswer {
  return async (socket, { path, headers }) => {
    const reply = await replyTo(root, {}, { path, range: headers.range, ifNoneMatch: undefined });
    const lines = Object.entries(reply.headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`HTTP/1.1 ${reply.status} Honest\r\n${lines.join("")}\r\n`);
    socket.write(reply.body);
  };
}

/** Writes `piece` every `interval` ms until the other side has gone. */
export async function writeForEver(
  socket: Socket,
  piece: () => string | Buffer,
  interval: number,
): Promise<void> {
  const closed = new Promise<void>((resolve) => socket.once("close", resolve));
  while (!socket.destroyed && socket.writable) {
    const drained = new Promise<void>((resolve) => socket.once("drain", resolve));
    if (!socket.write(piece())) await Promise.race([drained, closed]);
    else socket.removeAllListeners("drain");
    await delay(interval);
  }
}
