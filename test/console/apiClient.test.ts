import { expect, test } from "vitest";
import { addressOf } from "../../src/console/api/apiClient.ts";

test("words of a request stay in their place, whatever is in them", () => {
  const params = {
    path: { id: "a/../b?c" },
    query: { q: "x&y=1 ü", none: undefined, kinds: ["a", "b"], zero: 0 },
  };
  const url = new URL(addressOf("/api/v1/agents/{id}", params), "http://host");
  expect(url.pathname).toBe("/api/v1/agents/a%2F..%2Fb%3Fc");
  expect([...url.searchParams]).toEqual([
    ["q", "x&y=1 ü"],
    ["kinds", "a"],
    ["kinds", "b"],
    ["zero", "0"],
  ]);
  expect(addressOf("/api/v1/agents")).toBe("/api/v1/agents");
});
