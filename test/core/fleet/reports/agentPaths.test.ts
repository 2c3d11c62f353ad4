import fc from "fast-check";
import { expect, test } from "vitest";
import { type AgentPath, pathsAfter, pathsMeasured } from "../../../../src/core/fleet/reports/agentPaths.ts";

const DAY = 86_400_000;
const server = { rule: "server", url: "http://server" };

test("a quicker connection counts at once, a slower one and rates by a quarter; ways that are not taken are forgotten", () => {
  const run = (before: AgentPath[], connectMs: number, rate: number, now: number) =>
    pathsAfter(before, [{ to: "server", connectMs, rate }], now);
  let paths = run([], 100, 1_000, 0);
  paths = run(paths, 60, 2_000, DAY);
  expect(paths).toEqual([{ to: "server", connectMs: 60, rate: 1_250, at: DAY }]);
  paths = run(paths, 100, 1_250, 2 * DAY);
  expect(paths).toEqual([{ to: "server", connectMs: 70, rate: 1_250, at: 2 * DAY }]);
  const other = { to: "http://ua", connectMs: 1, rate: null };
  expect(pathsAfter(paths, [other], 40 * DAY)).toEqual([{ ...other, at: 40 * DAY }]);
});

test("few bytes say nothing of a rate, and an attempt that measured nothing nothing of its way", () => {
  const times = { connectMs: 5, transferMs: 500 };
  expect(pathsMeasured([{ ...server, ...times, bytes: 99_000 }])).toMatchObject([
    { connectMs: 5, rate: null },
  ]);
  expect(pathsMeasured([{ ...server, ...times, bytes: 500_000 }])).toMatchObject([{ rate: 1_000_000 }]);
  expect(pathsMeasured([server, { rule: "custom", url: `http://${"x".repeat(400)}`, ...times }])).toEqual([]);
});

test("whatever agents report, what is kept of one is little, and numbers that databases keep", () => {
  const amount = fc.option(fc.oneof(fc.integer({ min: 0, max: 100_000 }), fc.maxSafeNat()), {
    nil: undefined,
  });
  const attempt = fc.record({
    rule: fc.option(fc.constantFrom("custom", "server", "active-update"), { nil: undefined }),
    url: fc.string({ maxLength: 500 }),
    bytes: amount,
    connectMs: amount,
    transferMs: amount,
  });
  fc.assert(
    fc.property(fc.array(fc.array(attempt)), (runs) => {
      let paths: AgentPath[] = [];
      for (const [index, attempts] of runs.entries())
        paths = pathsAfter(paths, pathsMeasured(attempts), index);
      expect(paths.length).toBeLessThanOrEqual(4);
      expect(new Set(paths.map(({ to }) => to)).size).toBe(paths.length);
      for (const { connectMs, rate, to } of paths) {
        expect(to.length).toBeLessThanOrEqual(300);
        expect(connectMs === null || (Number.isInteger(connectMs) && connectMs <= 600_000)).toBe(true);
        expect(rate === null || (Number.isInteger(rate) && rate <= 1e11)).toBe(true);
      }
    }),
  );
});
