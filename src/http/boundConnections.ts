import { readFileSync } from "node:fs";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/**
 * Time limits (ms) for a client. Node's default for the head of a request is 60 s, and it looks for slow
 * clients only every 30 s, so that heads and bodies are timed here as well.
 */
export const PATIENCE = {
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
 */
export class BoundConnections {
  readonly #limit: number;
  /** Connections without a request, the oldest first, and until when (ms) that may go on. */
  readonly #idle = new Map<Socket, number>();
  readonly #asked = new Map<Socket, Asked>();
  #count = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(server: Server, limit: number) {
    this.#limit = limit;
    server.on("connection", (socket: Socket) => this.#accept(socket));
    server.on("request", (request, response) => this.#begin(request, response));
  }

  /**
   * Ends every connection, also one that is still in the TLS handshake, which the server's own
   * `closeAllConnections` does not know.
   */
  end(): void {
    for (const socket of [...this.#idle.keys(), ...this.#asked.keys()]) socket.destroy();
  }

  #accept(socket: Socket): void {
    this.#count++;
    this.#idle.set(socket, performance.now() + PATIENCE.headersTimeout);
    this.#timer ??= setInterval(() => this.#disconnectSlow(), INTERVAL).unref();
    socket.once("close", () => this.#forget(socket));
    if (this.#count > this.#limit) this.#makeRoomFor(socket);
  }

  #forget(socket: Socket): void {
    this.#count--;
    this.#idle.delete(socket);
    if (this.#count > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #begin(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const raw = rawOf(socket);
    this.#idle.delete(raw);
    const begun = performance.now();
    const before = this.#asked.get(raw) ?? { stream: socket, open: 0, taken: 0, since: begun };
    const asked: Asked = Object.assign(before, { open: before.open + 1, request, begun });
    this.#asked.set(raw, asked);
    response.once("close", () => {
      if (--asked.open > 0) return;
      this.#asked.delete(raw);
      if (raw.destroyed) return;
      this.#idle.set(raw, performance.now() + PATIENCE.keepAliveTimeout + PATIENCE.headersTimeout);
    });
  }

  #disconnectSlow(): void {
    const now = performance.now();
    for (const [socket, until] of this.#idle) if (until < now) socket.destroy();
    for (const [socket, asked] of this.#asked) {
      noteTaken(asked, now);
      if (isTooLate(asked, now) || isUnread(asked, now)) socket.destroy();
    }
  }

  #makeRoomFor(newcomer: Socket): void {
    const [oldest = newcomer] = this.#idle.keys();
    const before = performance.now() - UNREAD.crowded;
    const stuck = oldest === newcomer ? [...this.#asked].find(([, { since }]) => since < before) : undefined;
    (stuck?.[0] ?? oldest).destroy();
  }
}

function noteTaken(asked: Asked, now: number): void {
  const waiting = asked.stream.writableLength;
  const taken = asked.stream.bytesWritten - waiting;
  if (waiting > 0 && taken === asked.taken) return;
  asked.taken = taken;
  asked.since = now;
}

/** Whether the body of a request should have come to its end by now. */
function isTooLate({ request, begun }: Asked, now: number): boolean {
  return !request.complete && now - begun > PATIENCE.requestTimeout;
}

/** Whether nothing was taken of what waits for too long. */
function isUnread({ since, stream }: Asked, now: number): boolean {
  return now - since > UNREAD.usually + stream.writableLength;
}

/** The connection below TLS, which the server announces; Node keeps it in `_parent`. */
function rawOf(socket: Socket): Socket {
  return (socket as Socket & { _parent?: Socket })._parent ?? socket;
}

/** Descriptors that are left for files, the database and others. */
const RESERVED = 1_000;
/** Connections where the system does not say how many descriptors there are, and the most in any case. */
const MOST = { unknown: 12_000, known: 50_000 };

/**
 * Number of connections that one process may hold, by the descriptors that it may open.
 *
 * @param limits the text of `/proc/self/limits` (proc(5)); undefined where there is none
 */
export function mostConnections(limits: string | undefined): number {
  const found = Number(
    /^Max open files +(\d+|unlimited)/m.exec(limits ?? "")?.[1]?.replace("unlimited", "1e9"),
  );
  if (Number.isNaN(found)) return MOST.unknown;
  return Math.min(Math.max(found - RESERVED, Math.ceil(found / 2)), MOST.known);
}

/** The limits of this process, as Linux has them. */
export function ownLimits(): string | undefined {
  try {
    return readFileSync("/proc/self/limits", "utf8");
  } catch {
    return undefined;
  }
}
