import assert from "node:assert/strict";
import { type Answer, decode, encode } from "dns-packet";
import fc from "fast-check";
import { canonicalName, isHostName } from "../../src/core/order/hostNames.ts";
import {
  type AddressType,
  type DnsAnswer,
  DnsAnswerError,
  type DnsQuestion,
  readAnswer,
} from "../../src/dns/answer.ts";
import { followChain, interleaveAddresses, startChain } from "../../src/dns/chain.ts";
import { type FuzzTarget, unlessRefused } from "./target.ts";

/** Inputs are messages as they come from a DNS server; every one is read as the answer to both questions. */
export function dnsTarget(): FuzzTarget {
  return { name: "dns", json: false, made: madeMessage(), check: checkMessage };
}

const ID = 0x4e53;
const NAME = "ua-berlin.corp.example";
const NAMES = [NAME, NAME.toUpperCase(), "alias.corp.example", "other.example", ".", "a b.example"];

function madeMessage(): fc.Arbitrary<Buffer> {
  const records = fc.array(madeRecord(), { maxLength: 6 });
  const structured = fc
    .record({
      id: fc.oneof({ weight: 9, arbitrary: fc.constant(ID) }, fc.nat(0xffff)),
      flags: fc.oneof({ weight: 3, arbitrary: fc.constantFrom(0x0180, 0x0183, 0x0380) }, fc.nat(0xffff)),
      question: fc.record({
        name: fc.constantFrom(NAME, ...NAMES),
        type: fc.constantFrom("A", "AAAA", "TXT"),
      }),
      answers: records,
      authorities: records,
      additionals: records,
    })
    .map(({ question, ...rest }) =>
      encode({ ...rest, type: "response", questions: [{ ...question, class: "IN" } as never] }),
    );
  const raw = fc
    .uint8Array({ maxLength: 80 })
    .map((rest) => Buffer.concat([questionHead(), Buffer.from(rest)]));
  return fc.oneof(
    { weight: 3, arbitrary: structured },
    raw,
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
  );
}

/** A header that promises one record of everything, and the question. */
function questionHead(): Buffer {
  const bytes = encode({ type: "response", id: ID, questions: [{ name: NAME, type: "A", class: "IN" }] });
  for (const at of [7, 9, 11]) bytes[at] = 1;
  return bytes;
}

function madeRecord(): fc.Arbitrary<Answer> {
  const common = {
    name: fc.constantFrom(...NAMES),
    ttl: fc.oneof(fc.nat(), fc.constantFrom(2 ** 31, 2 ** 32 - 1)),
  };
  const record = (type: string, data: fc.Arbitrary<unknown>) =>
    fc.record({ type: fc.constant(type), ...common, data }) as fc.Arbitrary<unknown> as fc.Arbitrary<Answer>;
  return fc.oneof(
    record("A", fc.ipV4()),
    record("AAAA", fc.oneof(fc.ipV6(), fc.constantFrom("::ffff:10.1.2.3", "::"))),
    record("CNAME", fc.constantFrom(...NAMES)),
    record("SOA", fc.record({ mname: fc.constant("a"), rname: fc.constant("b"), minimum: fc.nat() })),
    record("TXT", fc.string()),
    fc.nat(0xffff).map(
      (flags) =>
        ({
          type: "OPT",
          name: ".",
          udpPayloadSize: flags,
          extendedRcode: flags & 0xff,
          ednsVersion: 0,
          flags,
          flag_do: false,
          options: [],
        }) satisfies Answer,
    ),
  );
}

function checkMessage(message: Buffer): boolean {
  const accepted = (["A", "AAAA"] as const).map((type) => checkAnswer(message, { id: ID, name: NAME, type }));
  assert(!accepted.every(Boolean), "one message answers two questions");
  return accepted.some(Boolean);
}

/** Only a response with the id and the question of the query is an answer; its addresses are what stood in it. */
function checkAnswer(message: Buffer, question: DnsQuestion): boolean {
  const before = Buffer.from(message);
  const answer = unlessRefused(DnsAnswerError, () => readAnswer(message, question));
  assert(message.equals(before), "the message was changed");
  if (answer === undefined) return false;
  assert.equal(message.readUInt16BE(0), question.id);
  assert.equal(message.readUInt16BE(2) & 0xf800, 0x8000, "it is no response to a query");
  assert.equal(message.readUInt16BE(4), 1);
  const asked = decode(withoutRecords(message)).questions?.[0];
  assert.deepEqual(
    [canonicalName(asked?.name ?? ""), asked?.type, asked?.class],
    [NAME, question.type, "IN"],
  );
  checkRecords(message, answer);
  if (question.type !== "TXT") checkChain(answer, question.type);
  return true;
}

function withoutRecords(message: Buffer): Buffer {
  const head = Buffer.from(message);
  head.fill(0, 6, 12);
  return head;
}

function checkRecords(message: Buffer, answer: DnsAnswer): void {
  if (answer.truncated) assert.equal(answer.records.length, 0);
  for (const record of answer.records) {
    assert(record.ttl >= 0 && record.ttl < 2 ** 31);
    assert.equal(record.owner, canonicalName(record.owner));
    if (record.type === "CNAME" || record.type === "TXT") continue;
    const { family, hex } = record.address;
    // An IPv4-mapped AAAA counts as IPv4; nothing else changes family.
    const raw = record.type === "AAAA" && family === 4 ? `${"0".repeat(20)}ffff${hex}` : hex;
    assert.equal(raw.length, record.type === "A" ? 8 : 32);
    assert(message.includes(Buffer.from(raw, "hex")), "an address that is not in the message");
  }
  const { negativeTtl = 0 } = answer;
  assert(negativeTtl >= 0 && negativeTtl < 2 ** 31);
}

function checkChain(answer: DnsAnswer, type: AddressType): void {
  const step = unlessRefused(DnsAnswerError, () => followChain(answer, type, startChain(NAME)));
  if (step === undefined) return;
  const { names, ttl } = step.chain;
  assert(names[0] === NAME && names.length <= 9 && names.every(isHostName));
  assert.equal(new Set(names).size, names.length);
  assert(ttl >= 0);
  assert.equal(step.end === "addresses", step.addresses.length > 0);
  assert(step.addresses.every(({ hex }) => /[^0]/.test(hex)));
  const toTry = interleaveAddresses(step.addresses);
  assert.equal(toTry.length, Math.min(step.addresses.length, 4));
}
