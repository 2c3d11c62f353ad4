import { describe, expect, test } from "vitest";
import { deviationOf, type HappenedAttempt } from "../../../src/core/fleet/deviation.ts";
import { nameOf } from "../../../src/core/fleet/sourceName.ts";
import { DISPOSITIONS } from "../../../src/core/order/disposition.ts";
import type { Step, UpdateOrder } from "../../../src/core/order/plan.ts";

const berlin = { rule: "custom", clause: "1", name: "ua-berlin", url: "http://ua-berlin:21112" } as const;
const server = { rule: "server", clause: "2", url: "http://server:21111" } as const;
const order = (...steps: Pick<Step, "rule" | "clause" | "name" | "url">[]): UpdateOrder => ({
  steps: steps.map((step) => ({ ...step, kinds: ["components"], why: "" })),
  skipped: [],
  uncovered: [],
});
const ok = (source: typeof berlin | typeof server): HappenedAttempt => ({ ...source, outcome: "delivered" });
const failed = (source: typeof berlin | typeof server, code: string): HappenedAttempt => ({
  ...source,
  outcome: "failed",
  code,
});

describe("planned beside happened", () => {
  const rows: [string, UpdateOrder, HappenedAttempt[] | null, boolean, string][] = [
    [
      "as planned",
      order(berlin, server),
      [ok(berlin)],
      false,
      "ua-berlin is first by clause 1, and was used",
    ],
    [
      "the rest from the next",
      order(berlin, server),
      [ok(berlin), ok(server)],
      false,
      "ua-berlin is first by clause 1, and was used, then server for the rest",
    ],
    [
      "one that failed for a kind and had nothing newer of another",
      order(berlin, server),
      [{ ...berlin, outcome: "current", code: "HASH_MISMATCH" }, ok(server)],
      false,
      "ua-berlin is first by clause 1; ua-berlin was used by clause 1, then server for the rest: ua-berlin sent other bytes than the signed ones",
    ],
    [
      "the next in its place",
      order(berlin, server),
      [failed(berlin, "CONNECTION_REFUSED"), ok(server)],
      true,
      "ua-berlin is first by clause 1; server was used by clause 2: ua-berlin refused connections",
    ],
    [
      "nothing delivered",
      order(berlin, server),
      [failed(berlin, "HASH_MISMATCH"), failed(server, "STALLED")],
      true,
      "ua-berlin is first by clause 1; nothing was delivered: ua-berlin sent other bytes than the signed ones, server stopped sending",
    ],
    ["not yet", order(berlin), null, false, "ua-berlin is first by clause 1; it has not reported yet"],
    ["nobody to ask", order(), [], false, "no source is open to it; its last run asked nobody"],
    [
      "another list",
      order(server),
      [ok(berlin)],
      true,
      "server is first by clause 2; ua-berlin was used by clause 1",
    ],
  ];

  test.for(rows)("%s", ([, planned, happened, deviates, sentence]) => {
    expect(deviationOf(planned, happened, nameOf)).toEqual({ deviates, sentence });
  });
});

test("every failure that leads to another source is said in words, and a code of a newer agent as it is", () => {
  const codes = Object.entries(DISPOSITIONS).filter(([, { action }]) => action !== "stop");
  for (const [code] of codes) {
    const { sentence } = deviationOf(order(berlin), [failed(berlin, code)], nameOf);
    expect(sentence).toMatch(/nothing was delivered: ua-berlin [a-z][^A-Z_]*(?:DNS|TLS|HTTP)?[^A-Z_]*$/);
  }
  expect(deviationOf(order(berlin), [failed(berlin, "NEWER_CODE")], nameOf).sentence).toContain(
    "failed (NEWER_CODE)",
  );
});
