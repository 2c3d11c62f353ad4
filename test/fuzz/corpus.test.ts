import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { WHOLE } from "../support/extent.ts";
import { readCorpus } from "./corpus.ts";
import { checkInTime, fuzz } from "./run.ts";
import { makeTargets } from "./targets.ts";

const RUNS = WHOLE ? 300 : 60;

const scratch = mkdtempSync(path.join(tmpdir(), "nearsource-fuzz-"));

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe.for(makeTargets(scratch).map((target) => [target.name, target] as const))("%s", ([name, target]) => {
  const corpus = readCorpus(name);
  afterAll(async () => await target.close?.());

  test.for(corpus.map((file) => [file.name, file.input] as const))(
    "keeps its promises for %s",
    async ([file, input]) => {
      const accepted = await checkInTime(target, input);
      if (file.startsWith("good-")) expect(accepted).toBe(true);
      if (file.startsWith("bad-")) expect(accepted).toBe(false);
    },
  );

  test(`keeps its promises for ${RUNS} made and altered inputs`, async () => {
    const inputs = corpus.map(({ input }) => input);
    const { failure, runs } = await fuzz(target, { seed: 20_261_120, runs: RUNS, corpus: inputs });
    expect(failure?.reason).toBeUndefined();
    expect(runs).toBe(RUNS);
  });
});
