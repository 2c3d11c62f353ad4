import fc from "fast-check";
import { expect, test } from "vitest";
import { pushAddresses } from "../../../../src/core/fleet/notification/pushAddresses.ts";
import { parseAddress, privacyOf } from "../../../../src/core/order/address.ts";

test("an agent is told at the addresses that it has, each once, four at most", () => {
  const claimed = [
    "10.1.2.3",
    "2001:db8::5",
    "10.1.2.3",
    "not an address",
    "192.168.1.1",
    "10.0.0.1",
    "10.0.0.2",
  ];
  expect(pushAddresses(claimed, "10.1.2.3")).toEqual(["10.1.2.3", "2001:db8::5", "192.168.1.1", "10.0.0.1"]);
});

test("an agent that claims the server's own addresses or link has the server ask nobody there", () => {
  const claimed = [
    "127.0.0.1",
    "::1",
    "::ffff:127.0.0.1",
    "169.254.169.254",
    "fe80::1",
    "0.0.0.0",
    "::",
    "224.0.0.1",
    "255.255.255.255",
    "ff02::1",
  ];
  for (const seenAt of ["10.1.2.3", "2001:db8::7", null, "nonsense"]) {
    expect(pushAddresses(claimed, seenAt)).toEqual([]);
  }
});

test("an agent on the server's own machine is told there", () => {
  expect(pushAddresses(["127.0.0.5"], "::ffff:127.0.0.1")).toEqual(["127.0.0.5"]);
});

test("whatever an agent says of itself, only addresses of the internet and of private networks are asked", () => {
  const text = fc.oneof(fc.ipV4(), fc.ipV6(), fc.string());
  fc.assert(
    fc.property(fc.array(text, { maxLength: 64 }), (claimed) => {
      const found = pushAddresses(claimed, "10.0.0.1");
      expect(found.length).toBeLessThanOrEqual(4);
      for (const each of found) expect(privacyOf(parseAddress(each))).toBeLessThanOrEqual(1);
    }),
  );
});
