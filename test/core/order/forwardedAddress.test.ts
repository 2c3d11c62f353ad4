import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseRange } from "../../../src/core/order/address.ts";
import { senderOf } from "../../../src/core/order/forwardedAddress.ts";

const PROXIES = ["10.0.0.0/8", "2001:db8:1::/48"].map(parseRange);
const addressOf = (peer: string, from: string | undefined, proxies = PROXIES) =>
  senderOf(peer, { from, protocol: undefined }, proxies).address;

describe("a peer that is not believed", () => {
  test("is who it is, whatever it sends", () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (from, protocol) => {
        const sender = senderOf("192.0.2.1", { from, protocol }, PROXIES);
        expect(sender).toEqual({ address: "192.0.2.1", isByTls: false });
        expect(senderOf("10.0.0.1", { from, protocol }, []).address).toBe("10.0.0.1");
      }),
    );
  });
});

describe("a proxy that is believed", () => {
  test.for([
    ["names the sender", "192.0.2.7", "192.0.2.7"],
    ["is passed over in a chain", "192.0.2.7, 10.1.1.1, 10.2.2.2", "192.0.2.7"],
    ["is not led on by what the sender wrote", "198.51.100.1, 10.9.9.9, 192.0.2.7", "192.0.2.7"],
    ["may write a port", "192.0.2.7:4711", "192.0.2.7"],
    ["may write brackets", "[2001:db8::7]:4711", "2001:db8::7"],
    ["may write an IPv4 address as IPv6", "::ffff:192.0.2.7", "192.0.2.7"],
    ["passes over a believed one as IPv6", "192.0.2.7, ::ffff:10.1.1.1, 2001:db8:1::5", "192.0.2.7"],
    ["is the sender where all are believed", "10.7.7.7, 10.1.1.1", "10.7.7.7"],
    ["is the sender itself without the field", undefined, "10.0.0.1"],
    ["stays the sender where there is none", "", "10.0.0.1"],
    ["stays the sender where there is no address", "192.0.2.7, unknown", "10.0.0.1"],
    ["stays the sender where nothing is read on", "192.0.2.7, <script>, 10.1.1.1", "10.1.1.1"],
    ["does not believe leading zeros", "192.0.2.7, 010.0.0.1", "10.0.0.1"],
  ] as const)("%s: %s", ([, from, expected]) => {
    expect(addressOf("10.0.0.1", from)).toBe(expected);
    expect(addressOf("::ffff:10.0.0.1", from)).toBe(expected === "10.0.0.1" ? "::ffff:10.0.0.1" : expected);
  });

  test("decides by its own last word, whatever stands before it", () => {
    fc.assert(
      fc.property(fc.string(), (forged) => {
        expect(addressOf("10.0.0.1", `${forged}, 192.0.2.7`)).toBe("192.0.2.7");
        const { isByTls } = senderOf("10.0.0.1", { from: "", protocol: `${forged}, http` }, PROXIES);
        expect(isByTls).toBe(false);
      }),
    );
  });

  test("says that it was reached by TLS", () => {
    expect(senderOf("10.0.0.1", { from: "192.0.2.7", protocol: "http, HTTPS" }, PROXIES).isByTls).toBe(true);
  });
});
