import { encode } from "dns-packet";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatAddress } from "../../src/core/order/address.ts";
import { isHostName } from "../../src/core/order/hostNames.ts";
import { DnsAnswerError, type DnsQuestion, readAnswer, readTtl } from "../../src/dns/answer.ts";
import { type DnsQuery, encodeReply, type ReplyParts } from "../support/dnsServer.ts";

const question: DnsQuestion = { id: 0x1234, name: "ua.example", type: "A" };
const query: DnsQuery = { transport: "udp", id: 0x1234, name: "ua.example", type: "A", edns: true, port: 0 };

const address = { type: "A", name: "ua.example", ttl: 60, data: "192.0.2.7" } as const;
const alias = { type: "CNAME", name: "ua.example", ttl: 60, data: "b.example" } as const;

/** A genuine answer; its one address record begins at byte 28 and its data at byte 50. */
function answer(parts: ReplyParts = { answers: [address] }): Buffer {
  return encodeReply(query, parts);
}

/** The answer with `change` done to its bytes. */
function altered(change: (bytes: Buffer) => void, parts?: ReplyParts): Buffer {
  const bytes = answer(parts);
  change(bytes);
  return bytes;
}

const RECORD = 12 + "ua.example".length + 2 + 4;
const RECORD_TYPE = RECORD + "ua.example".length + 2;
const RDLENGTH = RECORD_TYPE + 8;

/** An answer whose one record has for its name nothing but `pointer` (RFC 1035 §4.1.4). */
function recordNamed(pointer: number): Buffer {
  const head = encodeReply({ ...query, edns: false });
  head.writeUInt16BE(1, 6);
  const record = Buffer.from("0000 0001 0001 0000003c 0004 c0000207".replaceAll(" ", ""), "hex");
  record.writeUInt16BE(pointer, 0);
  return Buffer.concat([head, record]);
}

describe("an answer is read when", () => {
  test("its names are compressed", () => {
    expect(readAnswer(recordNamed(0xc00c), question).records).toMatchObject([{ owner: "ua.example" }]);
  });

  test("it repeats the question, whatever the case of its letters", () => {
    const read = readAnswer(encodeReply({ ...query, name: "UA.Example" }, { answers: [address] }), question);
    expect(read.records).toHaveLength(1);
  });

  test("more bytes follow its last record", () => {
    expect(readAnswer(Buffer.concat([answer(), Buffer.from("more")]), question).records).toHaveLength(1);
  });

  test("it is truncated in the middle of a record", () => {
    const cut = altered((bytes) => bytes.writeUInt8(0x83, 2)).subarray(0, RDLENGTH);
    expect(readAnswer(cut, question)).toEqual({ rcode: "NOERROR", truncated: true, records: [] });
  });

  test("records of types nobody asked for hold garbage", () => {
    const garbage = { type: "NULL", name: "ua.example", ttl: 1, data: Buffer.alloc(9, 0xff) } as const;
    const bytes = altered((packet) => packet.writeUInt16BE(15, RECORD_TYPE), {
      answers: [garbage, address],
    });
    expect(readAnswer(bytes, question).records.map((record) => record.type)).toEqual(["A"]);
  });
});

function readOrRefuse(bytes: Buffer): ReturnType<typeof readAnswer> | undefined {
  try {
    return readAnswer(bytes, question);
  } catch (error) {
    expect(error).toBeInstanceOf(DnsAnswerError);
    return undefined;
  }
}

describe("an answer is refused when", () => {
  const cases: [why: string, message: Buffer, reason: RegExp][] = [
    ["it is empty", Buffer.alloc(0), /only 0 bytes/],
    ["it is shorter than a header", answer().subarray(0, 11), /only 11 bytes/],
    ["it is garbage", Buffer.alloc(64, 0xc1), /cannot be decoded/],
    ["it is a query", altered((bytes) => bytes.writeUInt8(0x01, 2)), /a query, not an answer/],
    ["it has another id", altered((bytes) => bytes.writeUInt16BE(7, 0)), /another id/],
    ["it answers another operation", altered((bytes) => bytes.writeUInt8(0xa9, 2)), /the operation UPDATE/],
    [
      "it repeats no question",
      encode({ type: "response", id: 0x1234, answers: [address] }),
      /repeats no question/,
    ],
    [
      "it repeats two questions",
      encode({ type: "response", id: 0x1234, questions: [question, question] }),
      /repeats 2 questions/,
    ],
    [
      "it is about another name",
      encodeReply({ ...query, name: "ub.example" }),
      /another question: "ub.example"/,
    ],
    [
      "it is about another type",
      encodeReply({ ...query, type: "AAAA" }),
      /another question: "ua.example" AAAA/,
    ],
    ["it is about another class", altered((bytes) => bytes.writeUInt16BE(3, RECORD - 2)), /another question/],
    ["its counts promise more", altered((bytes) => bytes.writeUInt16BE(3, 6)), /it ends/],
    ["its counts promise the most", altered((bytes) => bytes.fill(0xff, 6, 12)), /claims 196605 records/],
    ["a record is said to be longer", altered((bytes) => bytes.writeUInt16BE(400, RDLENGTH)), /longer than/],
    ["a name points past the end", recordNamed(0xc0ff), /cannot be decoded/],
    ["a name points forward", recordNamed(0xc000 + RECORD + 4), /cannot be decoded: .*bad pointer/],
    ["a name points at itself", recordNamed(0xc000 + RECORD), /cannot be decoded: .*bad pointer/],
    ["a name has a label of no kind", recordNamed(0x4000), /a label of no known kind/],
    ["the question points at itself", altered((b) => b.writeUInt16BE(0xc00c, 12)), /cannot be decoded/],
    [
      "its only address is too short",
      answer({ answers: [{ ...address, type: "NULL", data: Buffer.from([192, 0, 2]) }] }).fill(
        1,
        RECORD_TYPE + 1,
        RECORD_TYPE + 2,
      ),
      /no address record in it holds an address/,
    ],
    [
      "an alias has another length than it says",
      altered((bytes) => bytes.writeUInt16BE(8, RDLENGTH), { answers: [alias, address] }),
      /an alias in it has another length/,
    ],
  ];
  test.each(cases)("%s", (_, message, reason) => {
    expect(() => readAnswer(message, question)).toThrow(DnsAnswerError);
    expect(() => readAnswer(message, question)).toThrow(reason);
  });

  test("it is malformed at whatever byte, unless what it says stays the same or is an address", () => {
    const chain = answer({ answers: [alias, { ...address, name: "ub.example" }] });
    for (const whole of [answer(), chain]) {
      const genuine = readAnswer(whole, question);
      for (let at = 0; at < whole.length; at++) {
        for (let value = 0; value < 256; value++) {
          const bytes = Buffer.from(whole);
          bytes[at] = value;
          const read = readOrRefuse(bytes);
          if (read === undefined) continue;
          // Nothing but the records of the answer can say anything, and there are never more of them.
          expect(read.records.length).toBeLessThanOrEqual(genuine.records.length);
          for (const record of read.records) expect(["A", "AAAA", "CNAME", "SOA"]).toContain(record.type);
        }
      }
    }
  });

  test("it is cut off at whatever byte", () => {
    const whole = answer();
    for (let length = 0; length < whole.length; length++)
      expect(() => readAnswer(whole.subarray(0, length), question)).toThrow(DnsAnswerError);
  });
});

describe("of an answer's records", () => {
  test("one that is not of class IN does not count, nor one with multicast DNS's flush bit", () => {
    const chaos = { ...address, class: "CH" as const };
    const flush = { ...address, flush: true };
    expect(readAnswer(answer({ answers: [chaos, flush] }), question).records).toEqual([]);
  });

  test("an address of the wrong length is left out, the others are kept", () => {
    const short = { type: "NULL", name: "ua.example", ttl: 60, data: Buffer.from([192, 0, 2]) } as const;
    const bytes = answer({ answers: [short, address] }).fill(1, RECORD_TYPE + 1, RECORD_TYPE + 2);
    const [record, ...more] = readAnswer(bytes, question).records;
    expect(record?.type === "A" && formatAddress(record.address)).toBe("192.0.2.7");
    expect(more).toEqual([]);
  });

  test("the lesser of the SOA's two times limits a negative answer", () => {
    const soa = (ttl: number, minimum: number) =>
      answer({
        authorities: [{ type: "SOA", name: "example", ttl, data: { mname: "a", rname: "b", minimum } }],
      });
    expect(readAnswer(soa(60, 30), question).negativeTtl).toBe(30);
    expect(readAnswer(soa(20, 30), question).negativeTtl).toBe(20);
    expect(readAnswer(answer({}), question).negativeTtl).toBeUndefined();
  });

  test("the OPT record extends the rcode", () => {
    const bytes = altered((packet) => packet.writeUInt8(1, packet.length - 6), {});
    expect(readAnswer(bytes, question).rcode).toBe("BADVERS");
  });
});

test("a TTL with its top bit set counts as zero", () => {
  expect([0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1].map(readTtl)).toEqual([0, 1, 2 ** 31 - 1, 0, 0]);
});

test("a host name has labels of 1 to 63 letters, digits, hyphens and underscores, 253 in all", () => {
  const label = "a".repeat(63);
  const names = ["a", "a.b", "a.b.", "_x.a-b.c", label, `${label}.${label}.${label}.${"a".repeat(61)}`];
  expect(names.filter(isHostName)).toEqual(names);
  const others = [
    "",
    ".",
    "a..b",
    ".a",
    "a b",
    "ü.example",
    `${label}a`,
    `${names.at(-1)}a`,
    "a\n",
    "fe80::1",
  ];
  expect(others.filter(isHostName)).toEqual([]);
});

test("no message whatever makes the reader throw anything else, or hang", () => {
  const whole = answer({ answers: [alias, { ...address, name: "b.example" }] });
  const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
  const changed = fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) => {
    const bytes = Buffer.from(whole);
    for (const [at, value] of changes) bytes[at] = value;
    return bytes;
  });
  fc.assert(
    fc.property(fc.oneof(changed, fc.uint8Array({ maxLength: 80 })), (message) => {
      try {
        readAnswer(message, question);
      } catch (error) {
        expect(error).toBeInstanceOf(DnsAnswerError);
      }
    }),
    { numRuns: 3_000 },
  );
});
