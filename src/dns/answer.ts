import { type Answer, type DecodedPacket, decode } from "dns-packet";
import { type Address, parseAddress } from "../core/order/address.ts";
import { canonicalName } from "../core/order/hostNames.ts";

/** The record types that hold an address. */
export type AddressType = "A" | "AAAA";

/** The record types that are asked for. */
export type QuestionType = AddressType | "TXT";

/** The question asked; an answer must repeat it. */
export interface DnsQuestion {
  id: number;
  name: string;
  type: QuestionType;
}

/** A record of the answer section that can lead to an address, or a text that was asked for; `ttl` in seconds. */
export type DnsRecord =
  | { type: "TXT"; owner: string; ttl: number; text: string }
  | { type: AddressType; owner: string; ttl: number; address: Address }
  | { type: "CNAME"; owner: string; ttl: number; target: string };

/** A server's answer to one question. */
export interface DnsAnswer {
  rcode: string;
  /** The records did not fit (TC, RFC 1035 §4.1.1): none is read, the question is for TCP. */
  truncated: boolean;
  records: DnsRecord[];
  /** Seconds for which "there is none" holds (RFC 2308 §5); absent when the server did not say. */
  negativeTtl?: number | undefined;
}

/** A message that cannot be taken for an answer, and why. */
export class DnsAnswerError extends Error {}

/** `@types/dns-packet` leaves out the header's fields beside its flags. */
type Packet = Required<DecodedPacket> & { rcode: string; opcode: string };

/** A TCP answer could hold some 6,000 records, each with a name of 8,000 pointers; nobody needs that. */
const MAX_RECORDS = 1024;

const HEADER_LENGTH = 12;
const TYPE = { A: 1, CNAME: 5, SOA: 6, TXT: 16, AAAA: 28, OPT: 41 };
/** The types whose data the decoder may read; RDLENGTH binds it for the rest alone. */
const READ = new Set([TYPE.A, TYPE.AAAA, TYPE.CNAME, TYPE.SOA]);
/** RFC 1035 §3.4.1, RFC 3596 §2.2. */
const ADDRESS_LENGTH = new Map([
  [TYPE.A, 4],
  [TYPE.AAAA, 16],
]);
/** RFC 6895 §3.1: a reserved type, of which the decoder takes the data as it is. */
const UNREAD = 65_535;

/**
 * Reads `message` as the answer to `question`: a response with its id, that repeats the question and
 * nothing else (RFC 5452 §9.1), well-formed to the last record. Data of types nobody asked for is
 * not looked at; an address record whose data is not an address is left out.
 *
 * @throws DnsAnswerError saying why `message` is not that answer
 */
export function readAnswer(message: Uint8Array, question: DnsQuestion): DnsAnswer {
  const bytes = Buffer.from(message);
  const head = decodeHead(bytes);
  checkHead(head, question);
  // RFC 2181 §9: the records of a truncated answer must not be used, so they need not be whole either.
  if (head.flag_tc) return { rcode: head.rcode, truncated: true, records: [] };
  const { extendedRcode, dropped } = prepareRecords(bytes, question.type);
  const packet = decodePacket(bytes);
  const records = packet.answers.flatMap(toRecord);
  // A lone address record without an address is a broken answer, not word that there is no address.
  if (dropped > 0 && !records.some((record) => record.type === question.type))
    throw new DnsAnswerError("no address record in it holds an address");
  return {
    rcode: extendedRcode === 0 ? head.rcode : extendedRcodeName(extendedRcode, bytes),
    truncated: false,
    records,
    negativeTtl: negativeTtlOf(packet),
  };
}

/** RFC 2181 §8: a TTL with its top bit set counts as zero. */
export function readTtl(seconds: number): number {
  return seconds >= 2 ** 31 ? 0 : seconds;
}

/** The header and the question alone: all that is needed of a truncated answer. */
function decodeHead(bytes: Buffer): Packet {
  if (bytes.length < HEADER_LENGTH) throw new DnsAnswerError(`it has only ${bytes.length} bytes`);
  const head = Buffer.from(bytes);
  head.fill(0, 6, HEADER_LENGTH);
  return decodePacket(head);
}

function decodePacket(bytes: Buffer): Packet {
  try {
    return decode(bytes) as Packet;
  } catch (error) {
    throw new DnsAnswerError(`it cannot be decoded: ${(error as Error).message}`);
  }
}

function checkHead(head: Packet, { id, name, type }: DnsQuestion): void {
  if (!head.flag_qr) throw new DnsAnswerError("it is a query, not an answer");
  if (head.id !== id) throw new DnsAnswerError("it has another id than the query");
  if (head.opcode !== "QUERY") throw new DnsAnswerError(`it answers the operation ${head.opcode}`);
  const [question, ...more] = head.questions;
  if (question === undefined) throw new DnsAnswerError("it repeats no question");
  if (more.length > 0) throw new DnsAnswerError(`it repeats ${head.questions.length} questions`);
  const same =
    question.type === type && question.class === "IN" && canonicalName(question.name) === canonicalName(name);
  if (!same)
    throw new DnsAnswerError(
      `it is about another question: ${JSON.stringify(question.name)} ${question.type}`,
    );
}

/**
 * Walks over all records, which the decoder does not hold to their stated lengths, and marks those
 * that it must not look into. Returns how many address records were among them, and the extended
 * rcode of an OPT record (RFC 6891 §6.1.3).
 */
function prepareRecords(bytes: Buffer, asked: QuestionType): { extendedRcode: number; dropped: number } {
  const count = bytes.readUInt16BE(6) + bytes.readUInt16BE(8) + bytes.readUInt16BE(10);
  if (count > MAX_RECORDS) throw new DnsAnswerError(`it claims ${count} records`);
  const found = { extendedRcode: 0, dropped: 0 };
  let offset = endOfName(bytes, HEADER_LENGTH) + 4;
  for (let index = 1; index <= count; index++) {
    const { type, at, data, end } = frameRecord(bytes, offset, `record ${index} of ${count}`);
    if (type === TYPE.OPT) found.extendedRcode = bytes.readUInt8(at + 4);
    if (type === TYPE.CNAME && endOfName(bytes, data) !== end)
      throw new DnsAnswerError("an alias in it has another length than it says");
    const rightLength = (ADDRESS_LENGTH.get(type) ?? end - data) === end - data;
    if (!rightLength) found.dropped += 1;
    const isRead = READ.has(type) || (type === TYPE.TXT && asked === "TXT");
    if (!rightLength || !isRead) bytes.writeUInt16BE(UNREAD, at);
    offset = end;
  }
  return found;
}

/** The record at `offset`: its type, where its type field, its data and its end are (RFC 1035 §4.1.3). */
function frameRecord(bytes: Buffer, offset: number, which: string) {
  const at = endOfName(bytes, offset);
  const data = at + 10;
  if (data > bytes.length) throw new DnsAnswerError(`it ends before ${which}`);
  const end = data + bytes.readUInt16BE(at + 8);
  if (end > bytes.length) throw new DnsAnswerError(`${which} says it is longer than the message`);
  return { type: bytes.readUInt16BE(at), at, data, end };
}

/** The end of the name at `offset`: after its root label, or its first pointer (RFC 1035 §4.1.4). */
function endOfName(bytes: Buffer, offset: number): number {
  for (let at = offset; ; ) {
    const length = bytes[at];
    if (length === undefined) throw new DnsAnswerError("it ends inside a name");
    if (length === 0) return at + 1;
    if (length >= 0xc0) return at + 2;
    if (length >= 0x40) throw new DnsAnswerError("a name in it has a label of no known kind");
    at += length + 1;
  }
}

/** The record as far as we read it; none for other types, other classes, and data that is no address. */
function toRecord(record: Answer): DnsRecord[] {
  if (record.type !== "A" && record.type !== "AAAA" && record.type !== "CNAME" && record.type !== "TXT") {
    return [];
  }
  // `flush` is the top bit of the class, which multicast DNS uses: here it makes another class.
  if (record.class !== "IN" || record.flush) return [];
  const owner = canonicalName(record.name);
  const ttl = readTtl(record.ttl ?? 0);
  if (record.type === "TXT") return [{ type: record.type, owner, ttl, text: textOf(record.data) }];
  if (record.type === "CNAME") return [{ type: record.type, owner, ttl, target: canonicalName(record.data) }];
  return [{ type: record.type, owner, ttl, address: parseAddress(record.data) }];
}

/** RFC 1035 §3.3.14: one or more strings, which together are the text. */
function textOf(strings: string | Buffer | (string | Buffer)[]): string {
  return [strings].flat().map(String).join("");
}

/** RFC 2308 §5: the lesser of the SOA record's own TTL and its MINIMUM field. */
function negativeTtlOf(packet: Packet): number | undefined {
  const soa = packet.authorities.find((record) => record.type === "SOA");
  if (soa?.type !== "SOA") return undefined;
  return Math.min(readTtl(soa.ttl ?? 0), readTtl(soa.data.minimum ?? 0));
}

/** RFC 6891 §6.1.3: the OPT record holds the upper eight bits, the header the lower four. */
function extendedRcodeName(upper: number, bytes: Buffer): string {
  const rcode = upper * 16 + (bytes.readUInt8(3) & 0x0f);
  return rcode === 16 ? "BADVERS" : `RCODE_${rcode}`;
}
