import { describe, expect, test } from "vitest";
import { type RequestConditions, selectRange } from "../../src/http/range.ts";

const ETAG = '"abc"';
const of = (length: number, conditions: Partial<RequestConditions>) =>
  selectRange({ method: "GET", ...conditions }, { length, etag: ETAG });
const range = (header: string, length = 100) => of(length, { range: header });

describe("of a file of 100 bytes", () => {
  test.for([
    ["bytes=0-0", 0, 0],
    ["bytes=0-99", 0, 99],
    ["bytes=10-", 10, 99],
    ["bytes=90-1000", 90, 99],
    ["bytes=-1", 99, 99],
    ["bytes=-100", 0, 99],
    ["bytes=-5000", 0, 99],
    ["BYTES= 3-4 ", 3, 4],
  ] as const)("%s is a part", ([header, first, last]) => {
    expect(range(header)).toEqual({ status: 206, first, last });
  });

  test.for(["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=9007199254740991-"])(
    "%s can be satisfied by nothing",
    (header) => {
      expect(range(header)).toEqual({ status: 416 });
    },
  );

  test.for<[string, string]>([
    ["has an end before its beginning", "bytes=5-4"],
    ["is no range", "bytes=-"],
    ["is no number", "bytes=a-b"],
    ["is negative", "bytes=--5"],
    ["has another unit", "pages=1-2"],
    ["is longer than any number", `bytes=${"9".repeat(40)}-`],
    ["names several", "bytes=0-1,5-6"],
    ["names several that overlap", "bytes=0-50,40-60,0-"],
    ["names thousands", `bytes=${Array.from({ length: 2_000 }, (_, index) => `${index}-`).join(",")}`],
  ])("a range that %s is ignored, and the whole is the answer", ([, header]) => {
    expect(range(header)).toEqual({ status: 200, first: 0, last: 99 });
  });

  test("HEAD has no ranges", () => {
    expect(of(100, { method: "HEAD", range: "bytes=5-" })).toEqual({ status: 200, first: 0, last: 99 });
  });
});

test("of an empty file there are no ranges", () => {
  expect(range("bytes=0-", 0)).toEqual({ status: 416 });
  expect(of(0, {})).toEqual({ status: 200, first: 0, last: -1 });
});

describe("conditions are looked at in the order of RFC 9110 §13.2.2:", () => {
  test.for([
    ["If-Match that does not", { ifMatch: '"other"' }, 412],
    ["If-Match by a weak tag", { ifMatch: 'W/"abc"' }, 412],
    ["If-Match before If-None-Match", { ifMatch: '"other"', ifNoneMatch: ETAG }, 412],
    ["If-Match that does", { ifMatch: '"other", "abc"' }, 200],
    ["If-None-Match that does", { ifNoneMatch: ETAG }, 304],
    ["If-None-Match by a weak tag", { ifNoneMatch: 'W/"abc"' }, 304],
    ["If-None-Match of anything", { ifNoneMatch: "*" }, 304],
    ["If-None-Match before Range", { ifNoneMatch: ETAG, range: "bytes=200-" }, 304],
    ["If-None-Match that does not", { ifNoneMatch: '"other"' }, 200],
    ["If-Range that does", { ifRange: ETAG, range: "bytes=1-" }, 206],
    ["If-Range that does not", { ifRange: '"other"', range: "bytes=1-" }, 200],
    ["If-Range by a weak tag", { ifRange: 'W/"abc"', range: "bytes=1-" }, 200],
    ["If-Range by a date", { ifRange: "Wed, 25 Nov 2026 10:00:00 GMT", range: "bytes=1-" }, 200],
    ["If-Range that does not, of a range past the end", { ifRange: '"other"', range: "bytes=200-" }, 200],
  ] as const)("%s", ([, conditions, status]) => {
    expect(of(100, conditions).status).toBe(status);
  });
});
