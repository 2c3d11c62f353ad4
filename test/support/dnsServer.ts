import { createSocket, type RemoteInfo } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import {
  type Answer,
  decode,
  encode,
  type Question,
  RECURSION_AVAILABLE,
  RECURSION_DESIRED,
} from "dns-packet";

/** The records of one name; `ttl` in seconds, 60 by default. */
export interface NameRecords {
  A?: string[];
  AAAA?: string[];
  CNAME?: string;
  TXT?: string[];
  ttl?: number;
}

/** One query as it came. */
export interface DnsQuery {
  transport: "udp" | "tcp";
  id: number;
  name: string;
  type: string;
  edns: boolean;
  /** The port it came from. */
  port: number;
}

/**
 * The answer: these messages, those of the records, or none. Over TCP, no messages at all means that the
 * connection is closed.
 */
export type DnsReply = Buffer | Buffer[] | "silent" | "default";

export interface DnsServerOptions {
  records?: Record<string, NameRecords>;
  /** Any free port by default. */
  port?: number;
  /** MINIMUM of the SOA record in "there is none"; without it there is no SOA record. */
  negativeTtl?: number;
  /** Called for each query; `fromRecords` is the default answer. */
  onQuery?: (query: DnsQuery, fromRecords: Buffer) => DnsReply | Promise<DnsReply>;
}

export interface TestDnsServer {
  /** `127.0.0.1:port`, for UDP and TCP. */
  address: string;
  /** Every query that came, in order. */
  queries: DnsQuery[];
  /** TCP connections that are open now. */
  connections: () => number;
  close: () => Promise<void>;
}

type Answerer = (
  message: Buffer,
  transport: DnsQuery["transport"],
  port: number,
) => Promise<Buffer[] | "silent">;

const OPT: Answer = {
  type: "OPT",
  name: ".",
  udpPayloadSize: 1232,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
};

/** Starts a DNS server on loopback that answers from `records`, or as `onQuery` says. */
export async function startDnsServer(options: DnsServerOptions = {}): Promise<TestDnsServer> {
  const queries: DnsQuery[] = [];
  const sockets = new Set<Socket>();
  let closed = false;
  const answer: Answerer = async (message, transport, port) => {
    const query = readQuery(message, transport, port);
    if (query === undefined) return "silent";
    queries.push(query);
    const fromRecords = encodeAnswer(query, options);
    const reply = (await options.onQuery?.(query, fromRecords)) ?? "default";
    if (reply === "default") return [fitted(query, fromRecords)];
    return Buffer.isBuffer(reply) ? [reply] : reply;
  };
  const tcp = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    serveTcp(socket, answer);
  });
  const { port, udp } = await bindBoth(tcp, options.port);
  udp.on("message", async (message: Buffer, from: RemoteInfo) => {
    const replies = await answer(message, "udp", from.port);
    if (replies === "silent" || closed) return;
    for (const reply of replies) udp.send(reply, from.port, from.address, () => {});
  });
  const close = async () => {
    closed = true;
    for (const socket of sockets) socket.destroy();
    await Promise.all([
      new Promise((done) => udp.close(() => done(null))),
      new Promise((done) => tcp.close(done)),
    ]);
  };
  return { address: `127.0.0.1:${port}`, queries, connections: () => sockets.size, close };
}

/** The parts of an answer that a test has its say in. */
export interface ReplyParts {
  answers?: Answer[];
  authorities?: Answer[];
  rcode?: number;
  /** Header bits beside QR, RD and RA. */
  flags?: number;
}

/** An answer to `query` that repeats its question and, where it had one, its OPT record. */
export function encodeReply(query: DnsQuery, { rcode = 0, flags = 0, ...records }: ReplyParts = {}): Buffer {
  const question: Question = { name: query.name, type: query.type as Question["type"], class: "IN" };
  return encode({
    type: "response",
    id: query.id,
    flags: RECURSION_DESIRED | RECURSION_AVAILABLE | flags | rcode,
    questions: [question],
    ...records,
    additionals: query.edns ? [OPT] : [],
  });
}

function encodeAnswer(query: DnsQuery, { records = {}, negativeTtl }: DnsServerOptions): Buffer {
  const byName = new Map(Object.entries(records).map(([name, own]) => [name.toLowerCase(), own]));
  const answers: Answer[] = [];
  let name = query.name.toLowerCase();
  let own = byName.get(name);
  for (; own?.CNAME !== undefined && answers.length < 16; own = byName.get(name)) {
    answers.push({ type: "CNAME", name, ttl: own.ttl ?? 60, data: own.CNAME });
    name = own.CNAME.toLowerCase();
  }
  const type = query.type as "A" | "AAAA" | "TXT";
  const found = own?.[type] ?? [];
  for (const data of found) answers.push({ type, name, ttl: own?.ttl ?? 60, data } as Answer);
  const soa: Answer = {
    type: "SOA",
    name: ".",
    ttl: 86_400,
    data: { mname: "a.test", rname: "b.test", minimum: negativeTtl },
  };
  const authorities = found.length === 0 && negativeTtl !== undefined ? [soa] : [];
  return encodeReply(query, { answers, authorities, rcode: own === undefined ? 3 : 0 });
}

/** An answer that is too long for the asker's UDP buffer is truncated to its question (TC). */
function fitted(query: DnsQuery, answer: Buffer): Buffer {
  const limit = query.edns ? 1232 : 512;
  if (query.transport === "tcp" || answer.length <= limit) return answer;
  return encodeReply(query, { flags: 0x0200 });
}

/** The query in `message`; other messages get no answer. */
function readQuery(message: Buffer, transport: "udp" | "tcp", port: number): DnsQuery | undefined {
  try {
    const { id = 0, questions: [question] = [], additionals = [] } = decode(message);
    if (question === undefined) return undefined;
    const edns = additionals.some((record) => record.type === "OPT");
    return { transport, id, name: question.name, type: question.type, edns, port };
  } catch {
    return undefined;
  }
}

/** Each answer is sent in three pieces, as a network may do with any stream. */
function serveTcp(socket: Socket, answer: Answerer): void {
  let received = Buffer.alloc(0);
  socket.setNoDelay(true);
  socket.on("error", () => {});
  socket.on("data", async (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
    const replies = await answer(received.subarray(2), "tcp", socket.remotePort ?? 0);
    if (replies === "silent") return;
    if (replies.length === 0) socket.end();
    for (const reply of replies) {
      const frame = Buffer.concat([Buffer.from([reply.length >> 8, reply.length & 0xff]), reply]);
      for (const piece of [frame.subarray(0, 1), frame.subarray(1, 9), frame.subarray(9)]) {
        socket.write(piece);
        await new Promise(setImmediate);
      }
    }
  });
}

/** TCP takes any free port, UDP the same; should that one be taken, both try another. */
async function bindBoth(tcp: ReturnType<typeof createServer>, wanted = 0) {
  for (let attempt = 0; ; attempt++) {
    tcp.listen(wanted, "127.0.0.1");
    await once(tcp, "listening");
    const { port } = tcp.address() as AddressInfo;
    const udp = createSocket("udp4");
    try {
      udp.bind(port, "127.0.0.1");
      await once(udp, "listening");
      return { port, udp };
    } catch (error) {
      udp.close();
      await new Promise((done) => tcp.close(done));
      if (attempt === 10) throw error;
    }
  }
}
