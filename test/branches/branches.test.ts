import path from "node:path";
import { describe, expect, test } from "vitest";
import { expected, readBranches, replay } from "../support/branch.ts";
import type { Answer, SourceTraffic } from "./traffic.ts";

const FOLDER = path.join(import.meta.dirname, "..", "..", "fixtures", "branches");
const branches = await readBranches(FOLDER);

describe("the update order, branch by branch:", () => {
  test.for(branches.map((branch) => [branch.expect.title, branch] as const))("%s", async ([, branch]) => {
    expect(await replay(branch)).toEqual(expected(branch));
  });
});

describe("a branch fails", () => {
  const [first] = branches;
  if (first === undefined) throw new Error(`no branches in ${FOLDER}`);
  const [{ source, answers }] = first.http as [SourceTraffic];
  const withAnswers = (changed: Answer[]) => ({ ...first, http: [{ source, answers: changed }] });

  test("on a request that no answer was declared for", async () => {
    const { traffic } = await replay(withAnswers(answers.slice(1)));
    expect(traffic.unmocked[0]).toBe(`GET ${source}/content/metadata/2.root.json`);
  });

  test("on an answer that nobody asks for", async () => {
    const { traffic } = await replay(withAnswers([...answers, ["timestamp", 404]]));
    expect(traffic).toMatchObject({ unmocked: [], unused: [expect.stringContaining("timestamp.json")] });
  });

  test("on requests in another order than was declared", async () => {
    const [root, timestamp, ...rest] = answers as [Answer, Answer, ...Answer[]];
    const branch = withAnswers([timestamp, root, ...rest]);
    expect((await replay(branch)).traffic).not.toEqual(expected(branch).traffic);
  });
});

test("every branch has a number and a promise of its own", () => {
  for (const { slug } of branches) expect(slug).toMatch(/^\d\d-[a-z0-9-]+$/);
  const numbers = branches.map(({ slug }) => slug.slice(0, 2));
  const titles = branches.map(({ expect: { title } }) => title);
  expect(new Set(numbers).size).toBe(numbers.length);
  expect(new Set(titles).size).toBe(titles.length);
});
