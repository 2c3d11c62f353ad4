import fc from "fast-check";
import { expect, test } from "vitest";
import { formatAddress, parseAddress, rangeContains } from "../../../src/core/order/address.ts";
import { addressesOf, isForAddress } from "../../../src/core/order/entryMatch.ts";
import { parseSourceList, type SourceListEntry } from "../../../src/core/order/sourceList.ts";

const entryOf = (range: string, ...except: string[]): SourceListEntry => {
  const [entry] = parseSourceList({ entries: [{ range, except, url: "http://ua.example" }] }).entries;
  if (entry === undefined) throw new Error("no entry");
  return entry;
};
const shown = (entry: SourceListEntry) =>
  addressesOf(entry).map(({ family, first, last }) =>
    [first, last].map((hex) => formatAddress({ family, hex })).join("-"),
  );

test("the addresses of an entry are its range without what it excepts", () => {
  expect(shown(entryOf("10.0.0.0/8", "10.1.0.0/16", "10.1.128.0-10.2.0.4", "11.0.0.0/8"))).toEqual([
    "10.0.0.0-10.0.255.255",
    "10.2.0.5-10.255.255.255",
  ]);
  expect(shown(entryOf("0.0.0.0/0", "0.0.0.0", "255.255.255.255"))).toEqual(["0.0.0.1-255.255.255.254"]);
  expect(shown(entryOf("10.0.0.0/30", "9.0.0.0-10.0.0.1", "10.0.0.2/31"))).toEqual([]);
  expect(shown(entryOf("::/0", "10.0.0.0/8"))).toEqual(["::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]);
});

test("an address is one of them exactly when the entry is for it, and they neither overlap nor touch", () => {
  const small = fc.integer({ min: 0, max: 31 }).map((last) => `10.0.0.${last}`);
  const range = fc.oneof(
    small,
    fc.tuple(small, fc.integer({ min: 27, max: 32 })).map(([address, bits]) => `${address}/${bits}`),
  );
  fc.assert(
    fc.property(range, fc.array(range, { maxLength: 5 }), (whole, except) => {
      const entry = entryOf(whole, ...except);
      const kept = addressesOf(entry);
      for (let last = 0; last < 40; last++) {
        const address = parseAddress(`10.0.0.${last}`);
        expect(kept.some((each) => rangeContains(each, address))).toBe(isForAddress(entry, address));
      }
      for (const [index, { first }] of kept.entries()) {
        const before = kept[index - 1];
        if (before !== undefined)
          expect(Number(`0x${first}`) - Number(`0x${before.last}`)).toBeGreaterThan(1);
      }
    }),
  );
});
