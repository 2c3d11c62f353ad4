import { expect, test } from "vitest";
import { senderOf } from "../../src/http/sender.ts";

test("a sender is an IPv4 address, or the /64 of an IPv6 address", () => {
  expect(senderOf("10.1.2.3")).toBe("10.1.2.3");
  expect(senderOf("::ffff:10.1.2.3")).toBe("10.1.2.3");
  expect(senderOf("2001:db8::5")).toBe(senderOf("2001:db8::ffff:1"));
  expect(senderOf("2001:db8:0:1::5")).not.toBe(senderOf("2001:db8::5"));
  expect(senderOf("1::2:3:4:5:6:7")).toBe("1:0:2:3");
  expect(senderOf("fe80::1%eth0")).toBe("fe80:0:0:0");
  expect(senderOf("")).toBeDefined();
});
