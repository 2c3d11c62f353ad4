import path from "node:path";
import { describe, expect, test } from "vitest";
import { expected, readBranches, replay } from "../support/branch.ts";

const FOLDER = path.join(import.meta.dirname, "..", "..", "fixtures", "branches");
const branches = await readBranches(FOLDER);

describe("the update order, branch by branch:", () => {
  test.for(branches.map((branch) => [branch.expect.title, branch] as const))("%s", async ([, branch]) => {
    expect(await replay(branch)).toEqual(expected(branch));
  });
});

test("every branch has a number and a promise of its own", () => {
  for (const { slug } of branches) expect(slug).toMatch(/^\d\d-[a-z0-9-]+$/);
  const numbers = branches.map(({ slug }) => slug.slice(0, 2));
  const titles = branches.map(({ expect: { title } }) => title);
  expect(new Set(numbers).size).toBe(numbers.length);
  expect(new Set(titles).size).toBe(titles.length);
});
