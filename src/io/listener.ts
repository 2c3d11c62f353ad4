import { once } from "node:events";
import { promises as fs } from "node:fs";
import http, { type RequestListener } from "node:http";
import type https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { NearsourceError } from "../errors.ts";
import type { Log } from "./log.ts";

export interface ListenerOptions {
  /** Every address of this machine by default. */
  host?: string | undefined;
  /** 0 for any that is free. */
  port: number;
  /** PEM files; with them the listener speaks TLS. */
  tls?: { cert: string; key: string } | undefined;
  log: Log;
  /** Connections held at once; default 12,000. */
  maxConnections?: number;
}

/** An HTTP server that strangers may connect to. */
export interface Listener {
  port: number;
  /** Reads the certificate again, if its files changed; a pair that does not fit leaves the old one in use. */
  reload(): Promise<void>;
  close(): Promise<void>;
}

/**
 * How long (ms) a client may take. Node gives it 60 s for the head of a request unless told otherwise, and
 * looks for offenders only every 30 s: enough to hold every connection there is.
 */
const PATIENCE = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  keepAliveTimeout: 60_000,
};
/** How often (ms) those are looked for who say nothing, while anybody is connected. */
const INTERVAL = 2_000;
/** The kernel's queue of connections that nobody has accepted yet. */
const BACKLOG = 4_096;
const MAX_HEADER_SIZE = 8_192;
/** How often (ms) the certificate's files are looked at. */
const CERTIFICATE_INTERVAL = 60_000;

/**
 * Listens for HTTP, or HTTPS, with limits for what a client may take: time, header bytes, connections.
 * CONNECT and methods that HTTP does not know never reach `handle`.
 *
 * @throws NearsourceError CONFIG_INVALID when the port or the certificate cannot be used
 */
export async function openListener(options: ListenerOptions, handle: RequestListener): Promise<Listener> {
  const settings = { ...PATIENCE, maxHeaderSize: MAX_HEADER_SIZE, noDelay: true };
  const certificate = options.tls === undefined ? undefined : await readCertificate(options.tls);
  const server =
    certificate === undefined
      ? http.createServer(settings, handle)
      : await createTlsServer({ ...settings, ...asContext(certificate), handshakeTimeout: 10_000 }, handle);
  // What is not HTTP gets no answer, which could only be longer than what was sent.
  server.on("clientError", (_, socket) => socket.destroy());
  // An interim "continue" is nothing that anybody here waits for: nothing reads bodies before it answers.
  boundConnections(server, options.maxConnections ?? 12_000);
  const { host, port } = options;
  server.listen({ port, backlog: BACKLOG, ...(host === undefined ? {} : { host }) });
  try {
    await once(server, "listening");
  } catch (error) {
    throw new NearsourceError(
      "CONFIG_INVALID",
      `cannot listen at ${host === undefined ? "" : `${host} `}port ${port}`,
      {
        cause: error,
        hint: "choose another port or address, or end the program that has it",
      },
    );
  }
  const reload = watchCertificate(server, options, certificate);
  const timer = certificate === undefined ? undefined : setInterval(reload, CERTIFICATE_INTERVAL).unref();
  return {
    port: (server.address() as AddressInfo).port,
    reload,
    close: async () => {
      clearInterval(timer);
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

/** TLS is loaded for whoever speaks it: it is another 3 MB, in an agent that stays. */
async function createTlsServer(
  settings: https.ServerOptions,
  handle: RequestListener,
): Promise<https.Server> {
  const { createServer } = await import("node:https");
  return createServer(settings, handle);
}

/**
 * Holds the number of connections to a limit: the one that has been without a request for longest makes
 * room. Refusing the newcomer instead would leave the place to whoever came first and does nothing. Who
 * does not come to the end of a request's head in time is thrown out in any case.
 */
function boundConnections(server: http.Server, limit: number): void {
  /** Connections without a request, the oldest first, and until when (ms) that may go on. */
  const idle = new Map<Socket, number>();
  /** Requests that are being answered, of those that have any: who asks ahead has several. */
  const asked = new Map<Socket, number>();
  let count = 0;
  let timer: NodeJS.Timeout | undefined;
  const throwOut = () => {
    for (const [socket, until] of idle) if (until < performance.now()) socket.destroy();
  };
  server.on("connection", (socket: Socket) => {
    count++;
    idle.set(socket, performance.now() + PATIENCE.headersTimeout);
    timer ??= setInterval(throwOut, INTERVAL).unref();
    socket.once("close", () => {
      count--;
      idle.delete(socket);
      if (count > 0) return;
      clearInterval(timer);
      timer = undefined;
    });
    if (count <= limit) return;
    const [oldest = socket] = idle.keys();
    oldest.destroy();
  });
  server.on("request", ({ socket }, response) => {
    const raw = rawOf(socket);
    idle.delete(raw);
    asked.set(raw, (asked.get(raw) ?? 0) + 1);
    response.once("close", () => {
      const left = (asked.get(raw) ?? 1) - 1;
      if (left > 0) asked.set(raw, left);
      else asked.delete(raw);
      if (left > 0 || raw.destroyed) return;
      idle.set(raw, performance.now() + PATIENCE.keepAliveTimeout + PATIENCE.headersTimeout);
    });
  });
}

/** The connection below TLS, which is what the server announces; Node keeps it in `_parent`. */
function rawOf(socket: Socket): Socket {
  return (socket as Socket & { _parent?: Socket })._parent ?? socket;
}

interface Certificate {
  cert: Buffer;
  key: Buffer;
}

const asContext = ({ cert, key }: Certificate) => ({ cert, key, minVersion: "TLSv1.2" }) as const;

async function readCertificate(files: { cert: string; key: string }): Promise<Certificate> {
  try {
    return { cert: await fs.readFile(files.cert), key: await fs.readFile(files.key) };
  } catch (error) {
    throw new NearsourceError("CONFIG_INVALID", "cannot read the certificate to serve with", {
      cause: error,
      hint: "correct relay.tls.cert and relay.tls.key in the configuration",
    });
  }
}

function watchCertificate(
  server: http.Server | https.Server,
  { tls, log }: ListenerOptions,
  first: Certificate | undefined,
): () => Promise<void> {
  let used = first;
  return async () => {
    if (tls === undefined || used === undefined || !("setSecureContext" in server)) return;
    try {
      const found = await readCertificate(tls);
      if (found.cert.equals(used.cert) && found.key.equals(used.key)) return;
      // Half of a new pair does not fit the other half of the old one, and throws here.
      server.setSecureContext(asContext(found));
      used = found;
      log.info(`the certificate ${tls.cert} was replaced`);
    } catch (error) {
      log.warn(
        `the certificate ${tls.cert} cannot be used; the one before stays: ${(error as Error).message}`,
      );
    }
  };
}
