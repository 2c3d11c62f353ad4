import { expect, test } from "vitest";
import { mostConnections } from "../../src/http/boundConnections.ts";

const limits = (soft: string) =>
  `Limit                     Soft Limit           Hard Limit           Units     \nMax open files            ${soft}                20000                files     \nMax locked memory         8388608              8388608              bytes     \n`;

test.for([
  ["1024", 512],
  ["20000", 19_000],
  ["1048576", 50_000],
  ["unlimited", 50_000],
] as const)("of %s descriptors so many are left for connections", ([soft, most]) => {
  expect(mostConnections(limits(soft))).toBe(most);
});

test("where the system does not say, twelve thousand are held", () => {
  expect(mostConnections(undefined)).toBe(12_000);
});
