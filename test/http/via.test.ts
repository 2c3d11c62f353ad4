import { expect, test } from "vitest";
import { parseVia, refusedHops, viaEntry } from "../../src/http/via.ts";

test("Via names who a request came through, whatever else it says", () => {
  expect(parseVia(undefined)).toEqual([]);
  expect(parseVia(`${viaEntry("a")}, HTTP/1.1 b (Apache, 2.4),\t1.0 c:80 ,, junk`)).toEqual([
    "a",
    "b",
    "c:80",
  ]);
});

test("a request that came through this agent is a loop, and one that came through many too far from home", () => {
  expect(refusedHops([], "me")).toBeUndefined();
  expect(refusedHops(["a", "b"], "me")).toBeUndefined();
  expect(refusedHops(["me"], "me")).toBe("loop");
  expect(refusedHops(["a", "me", "b"], "me")).toBe("loop");
  expect(refusedHops(["a", "b", "c"], "me")).toBe("too many");
});
