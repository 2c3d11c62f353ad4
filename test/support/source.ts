import { createHash } from "node:crypto";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import path from "node:path";

/** The behaviour of a static source; by default that of any web server that knows ranges and no ETags. */
export interface SourceOptions {
  /** Address to listen on; `127.0.0.1` by default. */
  host?: string;
  /** Any free port by default. */
  port?: number;
  /** Whether Range is honoured; `true` by default. */
  ranges?: boolean;
  /** Whether ETag is sent and If-None-Match answered with 304; `false` by default. */
  etags?: boolean;
  /** PEM texts; with them the source speaks TLS. */
  tls?: https.ServerOptions;
  /** Answers in the source's place; requests for which it returns false are answered honestly. */
  answer?: (request: IncomingMessage, response: ServerResponse) => boolean | Promise<boolean>;
}

/** One request as it came, and its answer; `bytes` is the body's announced length. */
export interface SourceRequest {
  path: string;
  range: string | undefined;
  ifNoneMatch: string | undefined;
  authorization: string | undefined;
  status: number;
  bytes: number;
}

/** An update source that serves a folder as it is. */
export interface TestSource {
  url: string;
  port: number;
  /** The folder that is served; may be changed. */
  root: string;
  requests: SourceRequest[];
  /** The requests for objects, in order. */
  objects: () => SourceRequest[];
  close: () => Promise<void>;
}

/** Starts an honest static source on loopback, at a free port. */
export async function startSource(root: string, options: SourceOptions = {}): Promise<TestSource> {
  const { host = "127.0.0.1", port: wanted = 0, tls } = options;
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    answer(source, options, request, response).catch(() => response.destroy());
  };
  const server = tls === undefined ? http.createServer(listener) : https.createServer(tls, listener);
  server.on("tlsClientError", () => {});
  server.listen(wanted, host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const name = host.includes(":") ? `[${host}]` : host;
  const source: TestSource = {
    url: `${tls === undefined ? "http" : "https"}://${name}:${port}`,
    port,
    root,
    requests: [],
    objects: () => source.requests.filter((request) => request.path.startsWith("/content/objects/")),
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  return source;
}

async function answer(
  source: TestSource,
  options: SourceOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { headers, url = "/" } = request;
  const entry: SourceRequest = {
    path: url,
    range: headers.range,
    ifNoneMatch: headers["if-none-match"],
    authorization: headers.authorization,
    status: 0,
    bytes: 0,
  };
  source.requests.push(entry);
  if ((await options.answer?.(request, response)) === true) {
    entry.status = response.statusCode;
    return;
  }
  const reply = await replyTo(source.root, options, entry);
  entry.status = reply.status;
  entry.bytes = reply.body.length;
  response.writeHead(reply.status, reply.headers).end(reply.body);
}

/** A whole answer. */
export interface Reply {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

/** The answer of an honest source to a GET of `request.path` from the files below `root`. */
export async function replyTo(
  root: string,
  { ranges = true, etags = false }: Pick<SourceOptions, "ranges" | "etags">,
  request: Pick<SourceRequest, "path" | "range" | "ifNoneMatch">,
): Promise<Reply> {
  const file = path.join(root, decodeURIComponent(new URL(request.path, "http://any").pathname));
  const bytes = await fs.readFile(file).catch(() => undefined);
  if (bytes === undefined) return withLength(404, Buffer.from("not found\n"));
  const etag = `"${createHash("sha256").update(bytes).digest("hex").slice(0, 16)}"`;
  const own: Record<string, string> = etags ? { etag } : {};
  if (etags && request.ifNoneMatch === etag) return { status: 304, headers: own, body: Buffer.alloc(0) };
  const from = ranges ? Number(request.range?.match(/^bytes=(\d+)-$/)?.[1] ?? Number.NaN) : Number.NaN;
  if (Number.isNaN(from)) return withLength(200, bytes, own);
  const total = bytes.length;
  if (from >= total) return withLength(416, Buffer.alloc(0), { "content-range": `bytes */${total}` });
  const contentRange = `bytes ${from}-${total - 1}/${total}`;
  return withLength(206, bytes.subarray(from), { ...own, "content-range": contentRange });
}

function withLength(status: number, body: Buffer, headers: Record<string, string> = {}): Reply {
  return { status, headers: { ...headers, "content-length": String(body.length) }, body };
}
