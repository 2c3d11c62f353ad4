import { isIP } from "node:net";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Address,
  AddressSyntaxError,
  formatAddress,
  parseAddress,
  parseRange,
  rangeContains,
} from "../../src/core/order/address.ts";

/** The number that an address of `family` is, and as many others as there are. */
const number = (family: 4 | 6) => fc.bigInt({ min: 0n, max: (1n << width(family)) - 1n });
const width = (family: 4 | 6) => (family === 4 ? 32n : 128n);
const family = fc.constantFrom<4 | 6>(4, 6);
const address = family.chain((each) => number(each).map((value) => toAddress(each, value)));

/** An address of IPv6 may be one that counts as IPv4, and then is. */
function toAddress(each: 4 | 6, value: bigint): Address {
  const hex = value.toString(16).padStart(each === 4 ? 8 : 32, "0");
  return parseAddress(each === 4 ? dotted(value) : (hex.match(/.{4}/g) ?? []).join(":"));
}

function dotted(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".");
}

const toNumber = ({ hex }: Address) => BigInt(`0x${hex}`);

/** Two or three addresses of one family. */
const neighbours = fc
  .tuple(family, fc.array(fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }), { minLength: 3, maxLength: 3 }))
  .map(([each, values]) => values.map((value) => toAddress(each, value >> (128n - width(each)))));

/** Text that is an address, or nearly one. */
const nearly = fc.oneof(
  fc.ipV4(),
  fc.ipV4Extended(),
  fc.ipV6(),
  fc.stringMatching(/^[0-9a-f:.]{1,40}$/),
  fc.stringMatching(/^(::)?([0-9A-F]{1,5}:){0,8}(:?[0-9a-f]{0,5}|[0-9]{1,3}(\.[0-9]{1,3}){3})$/),
);

describe("an address", () => {
  test("that is written can be read again, and is the same", () => {
    fc.assert(
      fc.property(address, (each) => {
        expect(parseAddress(formatAddress(each))).toEqual(each);
      }),
    );
  });

  test("is accepted exactly where Node accepts one, but for zones", () => {
    fc.assert(
      fc.property(nearly, (text) => {
        expect(accepts(text)).toBe(isIP(text) !== 0);
      }),
      { numRuns: 2_000 },
    );
  });

  test("of IPv6 is the same value with its last 32 bits written as IPv4", () => {
    const tailed = fc.tuple(number(6), number(4));
    fc.assert(
      fc.property(tailed, ([high, low]) => {
        const groups = ((high >> 32n) << 32n) | low;
        const head = (groups.toString(16).padStart(32, "0").match(/.{4}/g) ?? []).slice(0, 6).join(":");
        expect(parseAddress(`${head}:${dotted(low)}`)).toEqual(toAddress(6, groups));
      }),
    );
  });
});

function accepts(text: string): boolean {
  try {
    parseAddress(text);
    return true;
  } catch {
    return false;
  }
}

describe("a range", () => {
  test("of two addresses contains what lies between them as numbers, both included", () => {
    fc.assert(
      fc.property(neighbours, ([one, other, each]) => {
        if (one === undefined || other === undefined || each === undefined) return;
        fc.pre(one.family === other.family && each.family === one.family);
        const [first, last] = toNumber(one) <= toNumber(other) ? [one, other] : [other, one];
        const range = parseRange(`${formatAddress(first)}-${formatAddress(last)}`);
        const between = toNumber(first) <= toNumber(each) && toNumber(each) <= toNumber(last);
        expect(rangeContains(range, each)).toBe(between);
        expect(rangeContains(range, first) && rangeContains(range, last)).toBe(true);
      }),
    );
  });

  test("of one address contains that address alone", () => {
    fc.assert(
      fc.property(address, address, (one, other) => {
        const range = parseRange(formatAddress(one));
        expect(rangeContains(range, one)).toBe(true);
        expect(rangeContains(range, other)).toBe(one.family === other.family && one.hex === other.hex);
      }),
    );
  });

  test("of a prefix is the range from its first to its last address", () => {
    fc.assert(
      fc.property(address, fc.nat(128), (each, length) => {
        const bits = BigInt(Math.min(length, Number(width(each.family))));
        const size = 1n << (width(each.family) - bits);
        const first = (toNumber(each) / size) * size;
        const hex = (value: bigint) => value.toString(16).padStart(each.hex.length, "0");
        expect(parseRange(`${formatAddress(each)}/${bits}`)).toEqual({
          family: each.family,
          first: hex(first),
          last: hex(first + size - 1n),
        });
      }),
    );
  });

  test("contains no address of the other family", () => {
    fc.assert(
      fc.property(address, address, fc.nat(32), (one, other, bits) => {
        fc.pre(one.family !== other.family);
        expect(rangeContains(parseRange(`${formatAddress(one)}/${bits}`), other)).toBe(false);
      }),
    );
  });

  test("that no text describes is refused, and never with any other error", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.tuple(nearly, fc.constantFrom("-", "/", " - ", "//", "-/"), nearly).map((parts) => parts.join("")),
      fc.tuple(nearly, fc.integer()).map((parts) => parts.join("/")),
    );
    fc.assert(
      fc.property(text, (each) => {
        for (const parse of [parseAddress, parseRange]) expect(errorOf(() => parse(each))).toBeUndefined();
      }),
      { numRuns: 2_000 },
    );
  });
});

/** The error thrown, unless it is one that may be. */
function errorOf(work: () => unknown): unknown {
  try {
    work();
    return undefined;
  } catch (error) {
    return error instanceof AddressSyntaxError ? undefined : error;
  }
}
