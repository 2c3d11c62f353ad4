import { describe, expect, test } from "vitest";
import { parseUrl } from "../../../src/core/order/url.ts";

const parse = (text: string) => parseUrl(text, ["http", "https"]);

describe("a URL that would be mended, and so lead elsewhere than it says, is refused:", () => {
  test.each([
    "http://010.001.002.003",
    "http://10.1.2",
    "http://10.1",
    "http://167838211",
    "http://0x0a.1.2.3",
    "http://0xa010203",
    "http://10.1.2.3.",
    "http://10.1.2.03",
    "http://１０.1.2.3",
    "http://10。1。2。3",
    "http://ｕa.corp.example",
    "http://ua%2ecorp.example",
    "http://%75a.corp.example",
    "http://ua\u00adberlin.corp.example",
    "http://ua\u200bberlin.corp.example",
    "http:\\\\ua.corp.example",
    "http:/\\ua.corp.example",
    "http://ua.corp.example\\updates",
    "http://ua.corp.example/up\\dates",
    "http:ua.corp.example",
    "http:/ua.corp.example",
    "http:///ua.corp.example",
    "http:////ua.corp.example",
    "http://",
    "http://:21112",
    "http:// ua.corp.example",
    " http://ua.corp.example",
    "http://ua.corp.example ",
    "ht\ntp://ua.corp.example",
    "http://ua.corp\t.example",
    "http://ua.corp.example/up\r\ndates",
    "http://ua.corp.example\u0000",
    "http://ua.corp.example:0",
    "http://ua.corp.example:",
    "http://ua.corp.example:080",
    "http://ua.corp.example:65536",
    "http://ua.corp.example:+80",
    "http://ua.corp.example:80:80",
    "http://@ua.corp.example",
    "http://:@ua.corp.example",
    "http://a@b@ua.corp.example",
    "http://[fe80::1%25eth0]",
    "http://[::1",
    "http://[10.1.2.3]",
    "http://[]",
    "http://2001:db8::5",
    "http://.",
    "http://a..b",
    "http://.a",
    "http://a b",
    "http://*",
    "http://a,b",
    "ftp://ua.corp.example",
    "ua.corp.example:21112",
    "",
  ])("%j", (text) => {
    expect(() => parse(text)).toThrow();
  });
});

test.each([
  ["http://10.1.2.3:21112", "http://10.1.2.3:21112/"],
  ["HTTP://UA.Corp.Example", "http://ua.corp.example/"],
  ["https://ua.corp.example./updates", "https://ua.corp.example./updates"],
  ["http://bücher.example", "http://xn--bcher-kva.example/"],
  ["http://xn--bcher-kva.example", "http://xn--bcher-kva.example/"],
  ["http://[2001:DB8::5]:65535/a/b", "http://[2001:db8::5]:65535/a/b"],
  ["http://[::ffff:10.1.2.3]", "http://[::ffff:a01:203]/"],
  ["http://ua_1:1", "http://ua_1:1/"],
  ["http://10-1-2-3.example", "http://10-1-2-3.example/"],
])("the URL %s is what it says", (text, href) => {
  expect(parse(text).href).toBe(href);
});

test.each([
  "http://me:secret@10.1",
  "http://secret@ua",
  "http:\\\\secret@ua",
  "http://ua\t:secret@x",
  "secret://a@b",
  "http:secret@ua",
])("of %s nothing is repeated that may be a password", (text) => {
  let said = "";
  try {
    parse(text);
  } catch (error) {
    said = (error as Error).message;
  }
  expect(said).not.toBe("");
  expect(said).not.toContain("secret");
});
