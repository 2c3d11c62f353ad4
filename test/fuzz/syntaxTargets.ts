import assert from "node:assert/strict";
import { isIP } from "node:net";
import fc from "fast-check";
import {
  type Address,
  AddressSyntaxError,
  formatAddress,
  parseAddress,
  parseRange,
  privacyOf,
  rangeContains,
} from "../../src/core/order/address.ts";
import { isHostName } from "../../src/core/order/hostNames.ts";
import { parseHosts, parseSearch } from "../../src/dns/systemConfig.ts";
import { parseContentRange } from "../../src/http/range.ts";
import { parseRetryAfter } from "../../src/http/retryAfter.ts";
import { type FuzzTarget, unlessRefused } from "./target.ts";

/** Readers of one line or one file of text that is not JSON. */
export function syntaxTargets(): FuzzTarget[] {
  return [
    {
      name: "address",
      json: false,
      made: bytesOf(addressText()),
      check: (input) => checkAddress(input.toString()),
    },
    {
      name: "range",
      json: false,
      made: bytesOf(rangeText()),
      check: (input) => checkRange(input.toString()),
    },
    {
      name: "retry-after",
      json: false,
      made: bytesOf(retryAfterText()),
      check: (input) => checkRetryAfter(input.toString("latin1")),
    },
    {
      name: "content-range",
      json: false,
      made: bytesOf(contentRangeText()),
      check: (input) => checkContentRange(input.toString("latin1")),
    },
    {
      name: "hosts",
      json: false,
      made: bytesOf(hostsText()),
      check: (input) => checkHosts(input.toString()),
    },
  ];
}

function bytesOf(text: fc.Arbitrary<string>): fc.Arbitrary<Buffer> {
  return text.map((each) => Buffer.from(each));
}

function addressText(): fc.Arbitrary<string> {
  return fc.oneof(
    fc.ipV4(),
    fc.ipV4Extended(),
    fc.ipV6(),
    fc.stringMatching(/^[0-9a-fA-F:.%]{1,45}$/),
    fc.stringMatching(/^(::)?([0-9a-f]{1,4}:){0,7}[0-9]{1,3}(\.[0-9]{1,3}){3}$/),
    fc.string({ unit: "binary" }),
  );
}

/** An accepted address is one that Node accepts, without a zone, and is the same when written and read again. */
function checkAddress(text: string): boolean {
  const address = unlessRefused(AddressSyntaxError, () => parseAddress(text));
  assert.equal(address !== undefined, isIP(text) !== 0 && !text.includes("%"), "Node sees it otherwise");
  if (address === undefined) return false;
  checkForm(address);
  assert.deepEqual(parseAddress(formatAddress(address)), address);
  assert([0, 1, 2, 3].includes(privacyOf(address)));
  return true;
}

/** The form that makes addresses comparable as text. */
function checkForm({ family, hex }: Address): void {
  assert.match(hex, family === 4 ? /^[0-9a-f]{8}$/ : /^[0-9a-f]{32}$/);
  // ::ffff:0:0/96 counts as IPv4.
  assert(family === 4 || !/^0{20}f{4}/.test(hex), "a mapped address counts as IPv6");
}

function rangeText(): fc.Arbitrary<string> {
  const joined = fc.tuple(addressText(), fc.constantFrom("-", " - ", "/", "//", "-/"), addressText());
  return fc.oneof(
    addressText(),
    joined.map((parts) => parts.join("")),
    fc.tuple(addressText(), fc.integer({ min: -1, max: 130 })).map((parts) => parts.join("/")),
  );
}

/** An accepted range begins no later than it ends, and contains both ends and nothing beyond them. */
function checkRange(text: string): boolean {
  const range = unlessRefused(AddressSyntaxError, () => parseRange(text));
  if (range === undefined) return false;
  const { family, first, last } = range;
  for (const hex of [first, last]) {
    assert.match(hex, family === 4 ? /^[0-9a-f]{8}$/ : /^[0-9a-f]{32}$/);
    assert(rangeContains(range, { family, hex }));
  }
  assert(first <= last);
  for (const outside of [neighbour(first, -1n), neighbour(last, 1n)]) {
    if (outside !== undefined) assert(!rangeContains(range, { family, hex: outside }));
  }
  assert(
    !rangeContains(
      range,
      family === 4 ? { family: 6, hex: first.repeat(4) } : { family: 4, hex: "0a000001" },
    ),
  );
  return true;
}

function neighbour(hex: string, step: bigint): string | undefined {
  const value = BigInt(`0x${hex}`) + step;
  const text = value.toString(16).padStart(hex.length, "0");
  return value < 0n || text.length > hex.length ? undefined : text;
}

const NOW = Date.parse("2026-11-20T08:00:00Z");

function retryAfterText(): fc.Arbitrary<string> {
  const dates = fc.date({ noInvalidDate: false }).map((date) => date.toString().slice(0, 40));
  const valid = fc.date({ noInvalidDate: true }).map((date) => date.toUTCString());
  return fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^ ?-?[0-9]{1,400} ?$/), dates, valid);
}

/** No source is left alone for less than a second or more than an hour, whatever it asks for. */
function checkRetryAfter(header: string): boolean {
  const pause = parseRetryAfter(header, NOW);
  if (pause === undefined) return false;
  assert(pause >= 1_000 && pause <= 3_600_000, `a pause of ${pause} ms`);
  return true;
}

function contentRangeText(): fc.Arbitrary<string> {
  const number = fc.oneof(
    fc.nat(100).map(String),
    fc.stringMatching(/^[0-9]{1,20}$/),
    fc.constantFrom("", "-1", "*"),
  );
  const parts = fc.tuple(fc.constantFrom("bytes ", "bytes=", "BYTES ", ""), number, number, number);
  return fc.oneof(
    fc.string({ unit: "binary" }),
    parts.map(([unit, first, last, length]) => `${unit}${first}-${last}/${length}`),
  );
}

/** The numbers read of a Content-Range are exact, and those that stood there. */
function checkContentRange(header: string): boolean {
  const range = parseContentRange(header);
  if (range === undefined) return false;
  const { first, last, length } = range;
  for (const each of [first, last, length ?? 0]) assert(Number.isSafeInteger(each) && each >= 0);
  const written = `bytes ${first}-${last}/${length ?? "*"}`;
  const said = header.trim().replace(/^bytes[ \t=]+/i, "bytes ");
  assert.equal(written, said.replaceAll(/(?<!\d)0+(?=\d)/g, ""));
  return true;
}

function hostsText(): fc.Arbitrary<string> {
  const word = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.domain(),
    fc.constantFrom("#", "search", "domain", "\ufeff", ";"),
    fc.string(),
  );
  const line = fc.array(word, { maxLength: 6 }).map((words) => words.join(" "));
  return fc.array(line, { maxLength: 8 }).map((lines) => lines.join("\n"));
}

/** A hosts file and a resolv.conf are never refused: what is not understood in them says nothing. */
function checkHosts(text: string): boolean {
  const hosts = parseHosts(text);
  for (const [name, addresses] of hosts) {
    assert.equal(name, name.replace(/[A-Z]/g, ""));
    assert(addresses.length > 0);
    for (const address of addresses) checkForm(address);
  }
  const search = parseSearch(text);
  assert(search.every(isHostName));
  return hosts.size + search.length > 0;
}
