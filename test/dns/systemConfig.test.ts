import { expect, test } from "vitest";
import { namesToTry, parseNameservers, parseSearch, parseServer } from "../../src/dns/systemConfig.ts";

test.each([
  ["192.0.2.53", "192.0.2.53", 53, "192.0.2.53"],
  ["192.0.2.53:5353", "192.0.2.53", 5353, "192.0.2.53:5353"],
  ["2001:db8::53", "2001:db8::53", 53, "2001:db8::53"],
  ["[2001:db8::53]", "2001:db8::53", 53, "2001:db8::53"],
  ["[2001:db8::53]:5353", "2001:db8::53", 5353, "[2001:db8::53]:5353"],
  ["[fe80::1%eth0]:53", "fe80::1%eth0", 53, "fe80::1%eth0"],
])("the DNS server %s is read, and called the same", (text, host, port, label) => {
  expect(parseServer(text)).toEqual({ host, port, label });
});

test("the last search or domain line of resolv.conf is the search list", () => {
  expect(parseSearch("search a.test b.test\nnameserver 192.0.2.53\n")).toEqual(["a.test", "b.test"]);
  expect(parseSearch("search a.test\ndomain C.test. # ours\n")).toEqual(["c.test"]);
  expect(parseSearch("; search a.test\n#search b.test\nsearching c.test\n")).toEqual([]);
  expect(parseSearch("search . a..b a.test\n")).toEqual(["a.test"]);
});

test("the servers of resolv.conf keep their zone, and what is no address is none", () => {
  const text = "nameserver fe80::1%eth0\n#nameserver 192.0.2.1\nnameserver 192.0.2.53 # ours\nnameserver\n";
  const more =
    "nameserver dns.test\nnameserver fe80::1%2\nnameserver 192.0.2.53\nsearch nameserver 192.0.2.9\n";
  expect(parseNameservers(text + more).map(({ host, port }) => [host, port])).toEqual([
    ["fe80::1%eth0", 53],
    ["192.0.2.53", 53],
    ["fe80::1%2", 53],
  ]);
});

test("a name without a dot is tried in the search list first, a name with one last, an absolute one never", () => {
  const search = ["a.test", "b.test"];
  expect(namesToTry("ua", search)).toEqual(["ua.a.test", "ua.b.test", "ua"]);
  expect(namesToTry("ua.x", search)).toEqual(["ua.x", "ua.x.a.test", "ua.x.b.test"]);
  expect(namesToTry("ua.", search)).toEqual(["ua"]);
});
