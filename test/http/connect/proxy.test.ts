import { describe, expect, test } from "vitest";
import { chooseProxy } from "../../../src/http/connect/proxy.ts";

const choose = (url: string, variables: Record<string, string>) => chooseProxy(new URL(url), variables);
const VENDOR = "http://updates.vendor.test";

describe("a proxy variable", () => {
  test.each([
    ["http://proxy.test:3128", "http://proxy.test:3128/"],
    ["proxy.test:3128", "http://proxy.test:3128/"],
    ["proxy.test", "http://proxy.test/"],
    ["//proxy.test:3128", "http://proxy.test:3128/"],
    ["HTTP://proxy.test:3128", "http://proxy.test:3128/"],
    ["Https://proxy.test:3128/", "https://proxy.test:3128/"],
    ["  http://proxy.test:3128\t\n", "http://proxy.test:3128/"],
    ["user:secret@proxy.test:3128", "http://user:secret@proxy.test:3128/"],
    ["10.1.0.1:8080", "http://10.1.0.1:8080/"],
    ["[2001:db8::1]:8080", "http://[2001:db8::1]:8080/"],
    ["", undefined],
    ["  ", undefined],
  ])("%j is the proxy %s", (value, proxy) => {
    expect(choose(VENDOR, { http_proxy: value })).toEqual(proxy === undefined ? {} : { proxy });
  });

  test.each([
    "socks5://user:secret@proxy.test:1080",
    "socks5h://secret",
    "ftp://secret",
    "http://",
    "http:secret",
    "proxy.test:secret",
    "proxy.test:99999",
    "secret:0",
    "http://secret:0",
    "a secret",
    "://secret",
  ])("%j cannot be used, which is said without what is in it", (value) => {
    for (const variable of ["http_proxy", "HTTP_PROXY"]) {
      const choice = choose(VENDOR, { [variable]: value });
      expect(choice).toMatchObject({ variable, reason: expect.any(String) });
      expect(JSON.stringify(choice)).not.toContain("secret");
    }
  });

  test("in lower case counts before the one in capitals, also where it is empty", () => {
    const both = { http_proxy: "one.test:1", HTTP_PROXY: "two.test:2" };
    expect(choose(VENDOR, both)).toEqual({ proxy: "http://one.test:1/" });
    expect(choose(VENDOR, { ...both, http_proxy: "" })).toEqual({});
    expect(choose(VENDOR, { http_proxy: "one.test:1", no_proxy: "", NO_PROXY: "*" })).toEqual({
      proxy: "http://one.test:1/",
    });
    expect(choose(VENDOR, { http_proxy: "one.test:1", NO_PROXY: "*" })).toEqual({});
  });

  test("is that of all schemes where there is none of its own", () => {
    expect(choose(VENDOR, { all_proxy: "all.test:1" })).toEqual({ proxy: "http://all.test:1/" });
    expect(choose("https://vendor.test", { ALL_PROXY: "all.test:1" })).toEqual({
      proxy: "http://all.test:1/",
    });
    expect(choose(VENDOR, { http_proxy: "", all_proxy: "all.test:1" })).toEqual({});
    expect(choose(VENDOR, { all_proxy: "all.test:1", no_proxy: "*" })).toEqual({});
    expect(choose(VENDOR, { all_proxy: "socks5://all.test" })).toMatchObject({ variable: "all_proxy" });
  });

  test("is for its own scheme", () => {
    const both = { http_proxy: "one.test:1", HTTPS_PROXY: "two.test:2" };
    expect(choose("https://updates.vendor.test", both)).toEqual({ proxy: "http://two.test:2/" });
    expect(choose("https://updates.vendor.test", { http_proxy: "one.test:1" })).toEqual({});
  });
});

describe("no_proxy", () => {
  const isDirect = (url: string, list: string) =>
    Object.keys(choose(url, { http_proxy: "p.test:1", https_proxy: "p.test:1", no_proxy: list })).length ===
    0;

  test.each([
    ["http://a.vendor.test", "vendor.test"],
    ["http://a.vendor.test", ".vendor.test"],
    ["http://a.vendor.test", "*.vendor.test"],
    ["http://vendor.test", ".vendor.test"],
    ["http://vendor.test", "vendor.test."],
    ["http://vendor.test.", "vendor.test"],
    ["http://a.b.vendor.test", "VENDOR.test"],
    ["http://vendor.test", "one.test vendor.test"],
    ["http://vendor.test", "one.test,\tvendor.test , two.test"],
    ["http://vendor.test", "*"],
    ["http://vendor.test:8080", "vendor.test:8080"],
    ["http://vendor.test", "vendor.test:80"],
    ["https://vendor.test", "vendor.test:443"],
    ["http://192.0.2.7", "192.0.2.7"],
    ["http://192.0.2.7:8080", "192.0.2.7:8080"],
    ["http://192.0.2.7", "192.0.2.0/24"],
    ["http://192.0.2.7", "192.0.2.1-192.0.2.9"],
    ["http://[2001:db8::7]", "2001:db8::7"],
    ["http://[2001:db8::7]", "[2001:DB8:0::7]"],
    ["http://[2001:db8::7]:8080", "[2001:db8::7]:8080"],
    ["http://[2001:db8::7]", "2001:db8::/32"],
    ["http://[::ffff:192.0.2.7]", "192.0.2.7"],
  ])("%s is reached directly by %j", (url, list) => {
    expect(isDirect(url, list)).toBe(true);
  });

  test.each([
    ["http://evilvendor.test", "vendor.test"],
    ["http://vendor.test.evil", "vendor.test"],
    ["http://vendor.test", "a.vendor.test"],
    ["http://vendor.test:8080", "vendor.test:80"],
    ["http://vendor.test", ""],
    ["http://vendor.test", " , ,"],
    ["http://vendor.test", ".,*.,:80"],
    ["http://192.0.2.7", "2.7"],
    ["http://192.0.2.7", "192.0.3.0/24"],
    ["http://192.0.2.70", "192.0.2.7"],
    ["http://[2001:db8::7]", "[2001:db8::7]:8080"],
    ["http://vendor.test", "192.0.2.0/0"],
  ])("%s is not reached directly by %j", (url, list) => {
    expect(isDirect(url, list)).toBe(false);
  });

  test("spares a source from a variable that cannot be used", () => {
    expect(choose(VENDOR, { http_proxy: "socks5://p.test", no_proxy: "vendor.test" })).toEqual({});
  });
});
