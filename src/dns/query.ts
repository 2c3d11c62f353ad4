import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect, isIPv6 } from "node:net";
import { encode, RECURSION_DESIRED } from "dns-packet";
import { type DnsAnswer, type DnsQuestion, type QuestionType, readAnswer } from "./answer.ts";
import type { DnsServer } from "./systemConfig.ts";

/** The result of asking one server one question. */
export type Reply =
  | { kind: "answer"; answer: DnsAnswer }
  /** No answer in time; `ignored` is the fault of the last message that came instead. */
  | { kind: "silent"; ignored?: string | undefined }
  /** The network, or the server's machine, reported that nobody answers there. */
  | { kind: "unreachable"; reason: string; ignored?: string | undefined };

export interface QueryOptions {
  /** Whether the query has an OPT record (RFC 6891). */
  edns: boolean;
  /** Remaining time for the next packet's answer, in ms. */
  limit: () => number;
  signal: AbortSignal;
}

/** RFC 9715 §3: this size passes unfragmented nearly everywhere. */
const UDP_PAYLOAD_SIZE = 1232;

/** The answers of a server that does not know EDNS, or not this version of it (RFC 6891 §7). */
const EDNS_REFUSALS = new Set(["FORMERR", "NOTIMP", "BADVERS"]);

/**
 * Asks `server` for the `type` records of `name`: over UDP, once more without EDNS where the server
 * does not know it, and over TCP where the answer does not fit (RFC 7766 §5).
 *
 * @throws the signal's reason once it is aborted
 */
export async function queryServer(
  server: DnsServer,
  name: string,
  type: QuestionType,
  options: QueryOptions,
): Promise<Reply> {
  const reply = await queryAnyTransport(server, name, type, options);
  const refused = options.edns && reply.kind === "answer" && EDNS_REFUSALS.has(reply.answer.rcode);
  return refused ? queryAnyTransport(server, name, type, { ...options, edns: false }) : reply;
}

async function queryAnyTransport(
  server: DnsServer,
  name: string,
  type: QuestionType,
  options: QueryOptions,
): Promise<Reply> {
  const reply = await askOnce(udp, server, { id: randomId(), name, type }, options);
  const truncated = reply.kind === "answer" && reply.answer.truncated;
  return truncated ? askOnce(tcp, server, { id: randomId(), name, type }, options) : reply;
}

/** The hooks a transport calls: with each message, and when nothing more can come. */
interface Listener {
  message(message: Uint8Array): void;
  unreachable(reason: string): void;
}

/** Sends `query` to `server` and returns a function that closes the socket. */
type Transport = (server: DnsServer, query: Buffer, listener: Listener) => () => void;

/** One query and the wait for its answer; any other message is passed over (RFC 5452 §9.1). */
function askOnce(
  transport: Transport,
  server: DnsServer,
  question: DnsQuestion,
  { edns, limit, signal }: QueryOptions,
): Promise<Reply> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    let ignored: string | undefined;
    let finish = (settle: () => void) => {
      finish = () => {};
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      close();
      settle();
    };
    const abort = () => finish(() => reject(signal.reason));
    const message = (bytes: Uint8Array) => {
      const read = tryToRead(bytes, question, transport);
      if (typeof read === "string") ignored = read;
      else finish(() => resolve({ kind: "answer", answer: read }));
    };
    const unreachable = (reason: string) => finish(() => resolve({ kind: "unreachable", reason, ignored }));
    const timer = setTimeout(() => finish(() => resolve({ kind: "silent", ignored })), limit());
    signal.addEventListener("abort", abort);
    const close = transport(server, encodeQuery(question, edns), { message, unreachable });
  });
}

/**
 * The answer, or the reason why it is none. Every error thrown here is the message's fault, and must not end
 * the program.
 */
function tryToRead(message: Uint8Array, question: DnsQuestion, transport: Transport): DnsAnswer | string {
  try {
    const answer = readAnswer(message, question);
    return answer.truncated && transport === tcp ? "it is truncated even over TCP" : answer;
  } catch (error) {
    return (error as Error).message;
  }
}

function encodeQuery({ id, name, type }: DnsQuestion, edns: boolean): Buffer {
  const opt = {
    type: "OPT" as const,
    name: ".",
    udpPayloadSize: UDP_PAYLOAD_SIZE,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  };
  return encode({
    type: "query",
    id,
    flags: RECURSION_DESIRED,
    questions: [{ name, type, class: "IN" }],
    additionals: edns ? [opt] : [],
  });
}

/**
 * A socket of its own for each query, so that each has another random port, and connected, so that the system
 * drops packets from elsewhere and reports a refusal (RFC 5452 §9.2).
 */
const udp: Transport = ({ host, port }, query, listener) => {
  const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
  let closed = false;
  socket.on("message", listener.message);
  socket.on("error", (error) => listener.unreachable(reasonOf(error)));
  socket.on("connect", () => {
    if (!closed) socket.send(query);
  });
  // Without a callback, so that a failure is an event as all others are.
  socket.connect(port, host);
  return () => {
    closed = true;
    socket.close();
  };
};

/** RFC 7766 §8: each message follows its length in two bytes; the network may split them anywhere. */
const tcp: Transport = ({ host, port }, query, listener) => {
  const socket = connect({ host, port });
  const length = Buffer.alloc(2);
  length.writeUInt16BE(query.length);
  let received: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const end = 2 + received.readUInt16BE(0);
      listener.message(received.subarray(2, end));
      received = received.subarray(end);
    }
  });
  socket.on("error", (error) => listener.unreachable(reasonOf(error)));
  socket.on("close", () => listener.unreachable("closed the connection without an answer"));
  socket.write(Buffer.concat([length, query]));
  return () => socket.destroy();
};

function reasonOf(error: NodeJS.ErrnoException): string {
  return error.code === "ECONNREFUSED" ? "refused the connection" : `cannot be reached (${error.code})`;
}

/** From the cryptographic source, since guessing it is half of forging an answer (RFC 5452 §4.3). */
function randomId(): number {
  return randomInt(65_536);
}
