import { expect, test } from "vitest";
import { orderRows } from "../../src/console/agents/one/orderRows.ts";
import type { UpdateOrder } from "../../src/core/order/plan.ts";
import type { Attempt } from "../../src/core/report.ts";

const step = (rule: string, name: string | undefined, url: string) => ({ rule, name, url, clause: "1" });
const planned = {
  steps: [
    step("custom", "ua-lyon", "http://ua-lyon:21112"),
    step("custom", undefined, "https://a.example"),
    step("server", undefined, "http://here"),
  ],
  skipped: [],
  uncovered: [],
} as unknown as UpdateOrder;
const attempt = (rule: string, name: string | undefined, url: string) => ({ rule, name, url }) as Attempt;

test("an attempt stands beside the step of its name or URL, and one that the order has no more at the end", () => {
  const moved = attempt("custom", "ua-lyon", "http://10.2.0.1:21112");
  const gone = attempt("custom", "ua-paris", "http://ua-paris:21112");
  const server = attempt("server", undefined, "http://there");
  const rows = orderRows(planned, [moved, gone, server]);
  expect(rows.map(({ place, attempts }) => [place, attempts])).toEqual([
    [1, [moved]],
    [2, []],
    [3, [server]],
    [undefined, [gone]],
  ]);
});
