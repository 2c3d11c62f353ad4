import { describe, expect, test } from "vitest";
import { DOCUMENTS, growthOf, isLinear, READERS } from "./growth.ts";

/**
 * Characters that patterns go back over, since they mean something to one reader or another: alone and in
 * pairs.
 */
const CHARACTERS = [..." \t\n\r,;:./\\-_=\"'`()[]{}<>#%*@?&!|~+0a1Aw\u00a0\u2028\ufeff"];
const PAIRS = [
  ["(", ")"],
  [" ", "\n"],
  ["\r", "\n"],
  [",", " "],
  ["a", " "],
  ["a", ","],
  ["0", "-"],
  ["1", "."],
  ["/", "."],
  ["/", "a"],
  ["%", "0"],
  ["a", "."],
  ["0", ":"],
  [":", ":"],
  ["*", "/"],
  ["[", "{"],
  ['"', "\\"],
  ["#", "\n"],
  ["/*", "*"],
].map((pair) => pair.join(""));
/** The beginning of a text that its reader goes on after, before such a run. */
const BEFORE: Record<string, string> = {
  "a Via": "1.1 a, ",
  "a Range": "bytes=",
  "a Content-Range": "bytes ",
  "a Retry-After": "Sun, ",
  "a source's URL": "http://a/",
  "a base URL": "http://a",
  "a range": "10.0.0.1",
  "a hosts file": "10.0.0.1 ",
  "a search list": "search a ",
  "a list of name servers": "nameserver ",
  "a name server": "[",
  "an http_proxy": "http://",
  "hours of the week": "mon ",
  "a notification": '{"content":',
  "JSON that people write": '{"a":',
  JSON: '{"a":',
};
const AFTER = ["", "x"];
/** Characters of the shorter input. */
const LENGTH = 4_096;

describe("whatever it is given, the work of a reader grows no faster than its length:", () => {
  test.for(Object.entries(READERS))("%s", ([name, read]) => {
    const found: string[] = [];
    for (const run of [...CHARACTERS, ...PAIRS]) {
      for (const before of ["", BEFORE[name] ?? "a"]) {
        for (const after of AFTER) {
          const input = (size: number) => {
            const text = before + run.repeat(size / run.length) + after;
            return () => read(text);
          };
          const growth = growthOf(input, LENGTH);
          if (!isLinear(growth))
            found.push(`${JSON.stringify([before, run, after])}: ${growth.toFixed(1)} times`);
        }
      }
    }
    expect(found).toEqual([]);
  });

  test.for(Object.entries(DOCUMENTS))("%s", ([, read]) => {
    const growth = growthOf((size) => () => read(size), 2_000);
    expect(isLinear(growth), `${growth.toFixed(1)} times`).toBe(true);
  });
});

test("work that grows with the square is found", () => {
  const square = (size: number) => () => "(".repeat(size).replaceAll(/\([^)]*\)/g, "");
  expect(isLinear(growthOf(square, LENGTH / 2))).toBe(false);
  const linear = (size: number) => () => {
    let sum = 0;
    for (let at = 0; at < size * 3_000; at++) sum = (sum * 31 + at) % 1_000_003;
    return sum;
  };
  expect(isLinear(growthOf(linear, LENGTH))).toBe(true);
});
