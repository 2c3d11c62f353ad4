import { once } from "node:events";
import { promises as fs } from "node:fs";
import http, { type IncomingMessage, type RequestListener } from "node:http";
import type https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { Log } from "../config/log.ts";
import { NearsourceError } from "../errors.ts";

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
 * Time limits (ms) for a client. Node's default for the head of a request is 60 s, and it looks for slow
 * clients only every 30 s, so that heads and bodies are timed here as well.
 */
const PATIENCE = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  keepAliveTimeout: 60_000,
};
/** Interval (ms) at which connections without progress are looked for, while any is open. */
const INTERVAL = 2_000;
/**
 * Time (ms) for which a client may take nothing of the bytes that wait for it, and 1 ms more a byte, as a
 * write counts when all of it is taken; less, where its place is needed.
 */
const UNREAD = { usually: 60_000, crowded: 5_000 };
/** The kernel's queue of connections that nobody has accepted yet. */
const BACKLOG = 4_096;
const MAX_HEADER_SIZE = 8_192;
/** Interval (ms) at which the certificate's files are looked at. */
const CERTIFICATE_INTERVAL = 60_000;

/**
 * Listens for HTTP, or HTTPS, with limits for a client: time, header bytes, connections. CONNECT and methods
 * that HTTP does not know never reach `handle`.
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
  // A message that is not HTTP gets no answer, which could only be longer than the message.
  server.on("clientError", (_, socket) => socket.destroy());
  const connections = boundConnections(server, options.maxConnections ?? 12_000);
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
  // A connection that could not be accepted, for want of descriptors or memory, must not end the process.
  server.on("error", (error) => options.log.debug(`a connection could not be accepted: ${error.message}`));
  const reload = watchCertificate(server, options, certificate);
  const timer = certificate === undefined ? undefined : setInterval(reload, CERTIFICATE_INTERVAL).unref();
  return {
    port: (server.address() as AddressInfo).port,
    reload,
    close: async () => {
      clearInterval(timer);
      const closed = once(server, "close");
      server.close();
      connections.end();
      await closed;
    },
  };
}

/** TLS is loaded only where it is used: it is another 3 MB, in an agent that stays. */
async function createTlsServer(
  settings: https.ServerOptions,
  handle: RequestListener,
): Promise<https.Server> {
  const { createServer } = await import("node:https");
  return createServer(settings, handle);
}

/** A connection whose requests are being answered. */
interface Asked {
  /** The stream of the answers: the connection, or TLS over it. */
  stream: Socket;
  /** Requests without an answer: a client that pipelines has several. */
  open: number;
  /** The last of them, and since when (ms) its body is awaited: those before have come whole. */
  request: IncomingMessage;
  begun: number;
  /** Bytes that were taken over, and since when (ms) it was no more, though more wait. */
  taken: number;
  since: number;
}

/**
 * Limits the number of connections: a new one takes the place of the one that has been without a request for
 * longest, or else of one that takes nothing of its answer. Refusing the new one instead would leave the
 * place to an idle client that came first. A client that does not come to the end of a request in time, head
 * or body, or does not read, is disconnected in any case.
 *
 * @returns a function that ends every connection, also one that is still in the TLS handshake, which the
 *   server's own `closeAllConnections` does not know
 */
function boundConnections(server: http.Server, limit: number): { end(): void } {
  /** Connections without a request, the oldest first, and until when (ms) that may go on. */
  const idle = new Map<Socket, number>();
  const asked = new Map<Socket, Asked>();
  let count = 0;
  let timer: NodeJS.Timeout | undefined;
  const throwOut = () => {
    const now = performance.now();
    for (const [socket, until] of idle) if (until < now) socket.destroy();
    for (const [socket, each] of asked) {
      if (!each.request.complete && now - each.begun > PATIENCE.requestTimeout) socket.destroy();
      const waiting = each.stream.writableLength;
      const taken = each.stream.bytesWritten - waiting;
      if (waiting === 0 || taken !== each.taken) Object.assign(each, { taken, since: now });
      else if (now - each.since > UNREAD.usually + waiting) socket.destroy();
    }
  };
  const makeRoomFor = (newcomer: Socket) => {
    const [oldest = newcomer] = idle.keys();
    const before = performance.now() - UNREAD.crowded;
    const stuck = oldest === newcomer ? [...asked].find(([, { since }]) => since < before) : undefined;
    (stuck?.[0] ?? oldest).destroy();
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
    if (count > limit) makeRoomFor(socket);
  });
  server.on("request", (request: IncomingMessage, response) => {
    const { socket } = request;
    const raw = rawOf(socket);
    idle.delete(raw);
    const begun = performance.now();
    const before = asked.get(raw) ?? { stream: socket, open: 0, taken: 0, since: begun };
    const each: Asked = Object.assign(before, { open: before.open + 1, request, begun });
    asked.set(raw, each);
    response.once("close", () => {
      if (--each.open > 0) return;
      asked.delete(raw);
      if (raw.destroyed) return;
      idle.set(raw, performance.now() + PATIENCE.keepAliveTimeout + PATIENCE.headersTimeout);
    });
  });
  return {
    end: () => {
      for (const socket of [...idle.keys(), ...asked.keys()]) socket.destroy();
    },
  };
}

/** The connection below TLS, which the server announces; Node keeps it in `_parent`. */
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
