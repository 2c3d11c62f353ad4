import { Cron } from "croner";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Cron as Shape } from "../../src/console/policies/cronShape.ts";

const takes = (make: () => unknown) => {
  try {
    make();
    return true;
  } catch {
    return false;
  }
};

const number = fc.integer({ min: 0, max: 70 }).map(String);
const range = fc.tuple(number, number).map(([from, to]) => `${from}-${to}`);
const names = fc.constantFrom("*", "?", "L", "MON", "sun", "JAN", "5L", "15W", "MON#1", "fri-mon");
const step = fc.tuple(fc.oneof(number, range, fc.constant("*")), number).map((both) => both.join("/"));
const field = fc
  .array(fc.oneof(number, range, names, step), { minLength: 1, maxLength: 3 })
  .map((parts) => parts.join(","));

test("the page refuses no cron expression that an agent takes", () => {
  fc.assert(
    fc.property(fc.array(field, { minLength: 5, maxLength: 5 }), (fields) => {
      const expression = fields.join(" ");
      if (!takes(() => new Cron(expression, { paused: true, mode: "5-part" }))) return;
      expect(() => new Shape(expression)).not.toThrow();
    }),
    { numRuns: 3_000 },
  );
});

test.each(["0 3 * * *", "@daily", "*/15 8-18 * * MON-FRI", "0 0 1,15 * *"])("the page takes %s", (given) => {
  expect(() => new Shape(given)).not.toThrow();
});

test.each([
  ["61 * * * *", "61 is not within 0 to 59"],
  ["0 24 * * *", "24 is not within 0 to 23"],
  ["0 0 0 * *", "0 is not within 1 to 31"],
  ["0 0 * * 8", "8 is not within 0 to 7"],
  ["0 0 * 5;6 *", '"5;6" stands for no time'],
])("the page refuses %s, and says %s", (given, reason) => {
  expect(() => new Shape(given)).toThrow(reason);
});
