import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  AddressSyntaxError,
  formatAddress,
  parseAddress,
  parseRange,
  privacyOf,
  rangeContains,
} from "../../../src/core/order/address.ts";

const formatted = (text: string) => formatAddress(parseAddress(text));
const contains = (range: string, address: string) => rangeContains(parseRange(range), parseAddress(address));

describe("an address is read", () => {
  test.for([
    ["10.1.2.3", 4, "0a010203"],
    ["0.0.0.0", 4, "00000000"],
    ["255.255.255.255", 4, "ffffffff"],
    ["::", 6, "00000000000000000000000000000000"],
    ["2001:db8::5", 6, "20010db8000000000000000000000005"],
    ["2001:DB8::A", 6, "20010db800000000000000000000000a"],
    ["1:2:3:4:5:6:7:8", 6, "00010002000300040005000600070008"],
    ["1:2:3:4:5:6:7::", 6, "00010002000300040005000600070000"],
    ["64:ff9b::10.1.2.3", 6, "0064ff9b00000000000000000a010203"],
    ["::10.1.2.3", 6, "0000000000000000000000000a010203"],
  ] as const)("%s as family %d, %s", ([text, family, hex]) => {
    expect(parseAddress(text)).toEqual({ family, hex });
  });

  test.for(["::ffff:10.1.2.3", "::ffff:a01:203", "0:0:0:0:0:ffff:10.1.2.3", "::FFFF:0a01:0203"])(
    "%s as the IPv4 address that is mapped in it",
    (text) => {
      expect(parseAddress(text)).toEqual(parseAddress("10.1.2.3"));
    },
  );

  test("as four parts where each is a number up to 255 as people write it, and in no other case", () => {
    const part = fc.oneof(
      fc.integer({ min: 0, max: 300 }).map(String),
      fc.constantFrom("00", "01", "", "0x1", "1 ", "١", "256", "1\n", "-1", "1e1"),
    );
    fc.assert(
      fc.property(fc.array(part, { minLength: 3, maxLength: 5 }), (parts) => {
        const text = parts.join(".");
        const isOne =
          parts.length === 4 &&
          parts.every((each) => /^\d+$/.test(each) && String(+each) === each && +each < 256);
        if (isOne) expect(formatted(text)).toBe(text);
        else expect(() => parseAddress(text)).toThrow(AddressSyntaxError);
      }),
    );
  });

  test("to the same value however its last 32 bits are written", () => {
    expect(parseAddress("::1.2.3.4")).toEqual(parseAddress("::102:304"));
    expect(parseAddress("1::1.2.3.4")).toEqual(parseAddress("1::102:304"));
  });
});

describe("what is not an address is refused:", () => {
  test.for([
    ["nothing at all", ""],
    ["three parts", "10.1.2"],
    ["five parts", "10.1.2.3.4"],
    ["a part over 255", "10.1.2.256"],
    ["a leading zero, which some read as octal", "010.1.2.3"],
    ["a short form that inet_aton reads", "127.1"],
    ["a hexadecimal number", "0x7f"],
    ["hexadecimal parts", "0x0a.1.2.3"],
    ["one number for all four parts", "167838211"],
    ["spaces around it", " 10.1.2.3"],
    ["digits of another script", "١٠.1.2.3"],
    ["a host name", "ua-berlin.corp.example"],
    ["an address with a port", "10.1.2.3:21112"],
    ["a bracketed address", "[2001:db8::5]"],
    ["two gaps", "1::2::3"],
    ["a gap of nothing", "1:2:3:4:5:6:7:8::"],
    ["seven groups", "1:2:3:4:5:6:7"],
    ["nine groups", "1:2:3:4:5:6:7:8:9"],
    ["a group of five digits", "00001::1"],
    ["a group that is not hexadecimal", "2001:db8::g"],
    ["three colons", ":::"],
    ["an IPv4 tail with a leading zero", "::ffff:010.1.2.3"],
    ["an IPv4 tail of three parts", "::ffff:10.1.2"],
    ["an IPv4 part in the middle", "::10.1.2.3:1"],
    ["eight groups and an IPv4 tail", "1:2:3:4:5:6:7:10.1.2.3"],
  ])("%s", ([, text = ""]) => {
    expect(() => parseAddress(text)).toThrow(AddressSyntaxError);
    expect(() => parseAddress(text)).toThrow(`"${text}" is not an IPv4 or IPv6 address`);
  });

  test("an address with a zone, which means nothing on another machine", () => {
    expect(() => parseAddress("fe80::1%eth0")).toThrow(/has a zone; write the address without it/);
  });
});

describe("an address is written", () => {
  test.for([
    ["10.1.2.3", "10.1.2.3"],
    ["::ffff:10.1.2.3", "10.1.2.3"],
    ["2001:0DB8:0000:0000:0000:0000:0000:0005", "2001:db8::5"],
    ["::", "::"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"],
  ])("%s as %s (RFC 5952)", ([text = "", short]) => {
    expect(formatted(text)).toBe(short);
  });
});

describe("a range", () => {
  test.for([
    ["of one address", "10.1.2.3", "10.1.2.3", "10.1.2.3"],
    ["of a first and a last address", "10.1.0.10-10.1.0.99", "10.1.0.10", "10.1.0.99"],
    ["that begins where it ends", "10.1.2.3-10.1.2.3", "10.1.2.3", "10.1.2.3"],
    ["with spaces around its ends", " 10.1.0.10 - 10.1.0.99 ", "10.1.0.10", "10.1.0.99"],
    ["of a prefix", "10.1.0.0/16", "10.1.0.0", "10.1.255.255"],
    ["of a prefix whose address has more bits than that", "10.1.2.3/16", "10.1.0.0", "10.1.255.255"],
    ["of a prefix that ends in the middle of a digit", "10.1.2.0/23", "10.1.2.0", "10.1.3.255"],
    ["of all IPv4", "0.0.0.0/0", "0.0.0.0", "255.255.255.255"],
    ["of one address as a prefix", "10.1.2.3/32", "10.1.2.3", "10.1.2.3"],
    ["of an IPv6 prefix", "2001:db8::/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"],
    ["of IPv6 addresses", "2001:db8::5-2001:db8::a", "2001:db8::5", "2001:db8::a"],
    ["of mapped addresses", "::ffff:10.1.0.1-::ffff:10.1.0.9", "10.1.0.1", "10.1.0.9"],
    ["of a mapped prefix", "::ffff:10.1.0.0/112", "10.1.0.0", "10.1.255.255"],
    ["of a mapped prefix in hexadecimal", "::ffff:a01:0/112", "10.1.0.0", "10.1.255.255"],
    ["of a mapped prefix with a space before it", " ::ffff:10.1.0.0/112", "10.1.0.0", "10.1.255.255"],
    ["of all mapped addresses", "::ffff:0:0/96", "0.0.0.0", "255.255.255.255"],
  ])("%s: %s", ([, text = "", first = "", last = ""]) => {
    const { family, hex } = parseAddress(first);
    expect(parseRange(text)).toEqual({ family, first: hex, last: parseAddress(last).hex });
  });

  test.for([
    ["10.1.0.9-10.1.0.1", "ends before it begins"],
    ["10.1.0.1-2001:db8::1", "mixes IPv4 and IPv6"],
    ["10.1.0.1-", "is not an IPv4 or IPv6 address"],
    ["-10.1.0.1", "is not an IPv4 or IPv6 address"],
    ["10.1.0.1-10.1.0.2-10.1.0.3", 'more than one "-"'],
    ["10.1.0.0/16/8", 'more than one "/"'],
    ["10.1.0.0/33", "prefix length outside 0 to 32"],
    ["2001:db8::/129", "prefix length outside 0 to 128"],
    ["::ffff:10.1.0.0/95", "prefix length outside 96 to 128"],
    ["::ffff:10.1.0.0 /16", "prefix length outside 96 to 128"],
    ["::ffff:10.1.0.0/129", "prefix length outside 96 to 128"],
    ["10.1.0.0/", "no whole prefix length"],
    ["10.1.0.0/016", "no whole prefix length"],
    ["10.1.0.0/-1", "no whole prefix length"],
    ["10.1.0.0/1e1", "no whole prefix length"],
    ["10.1.0.0/255.255.0.0", "no whole prefix length"],
    ["10.1.*.*", "is not an IPv4 or IPv6 address"],
    ["", "is not an IPv4 or IPv6 address"],
  ])("%s is refused: %s", ([text = "", reason = ""]) => {
    expect(() => parseRange(text)).toThrow(AddressSyntaxError);
    expect(() => parseRange(text)).toThrow(reason);
  });

  test.for([
    ["10.1.0.10-10.1.0.99", "10.1.0.10", true],
    ["10.1.0.10-10.1.0.99", "10.1.0.99", true],
    ["10.1.0.10-10.1.0.99", "10.1.0.9", false],
    ["10.1.0.10-10.1.0.99", "10.1.0.100", false],
    ["10.1.0.0/16", "10.1.255.255", true],
    ["10.1.0.0/16", "10.2.0.0", false],
    ["0.0.0.0/0", "2001:db8::1", false],
    ["::/0", "10.1.2.3", false],
    ["::/0", "::ffff:10.1.2.3", false],
    ["0.0.0.0/0", "::ffff:10.1.2.3", true],
    ["10.0.0.0/8", "::10.1.2.3", false],
  ] as const)("%s contains %s: %s", ([range, address, is]) => {
    expect(contains(range, address)).toBe(is);
  });
});

describe("an address reaches", () => {
  test.for([
    ["192.0.32.10", 0],
    ["2606:4700::1111", 0],
    ["10.1.2.3", 1],
    ["172.16.0.1", 1],
    ["192.168.1.1", 1],
    ["100.64.0.1", 1],
    ["fd00::1", 1],
    ["192.0.2.1", 1],
    ["224.0.0.1", 1],
    ["169.254.169.254", 2],
    ["fe80::1", 2],
    ["127.0.0.1", 3],
    ["127.9.9.9", 3],
    ["::1", 3],
    ["0.0.0.0", 3],
    ["::", 3],
    ["::ffff:127.0.0.1", 3],
  ] as const)("%s as far as %d (0 the internet, 3 this machine)", ([text, reach]) => {
    expect(privacyOf(parseAddress(text))).toBe(reach);
  });
});
