import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { reachOfStages, shareOf } from "../../../src/core/fleet/rolloutReach.ts";
import { type StageCounts, stageVerdict } from "../../../src/core/fleet/stageVerdict.ts";

const SHARE = 0.05;

function counts(given: Partial<StageCounts>): StageCounts {
  const none = { agents: 0, installed: 0, failed: 0, unwell: 0, silent: 0, missing: 0 };
  return { ...none, control: { agents: 0, silent: 0 }, ...given };
}

describe("a stage", () => {
  test.for([
    ["one of three failed", { agents: 3, installed: 2, failed: 1 }, true],
    ["the only agent failed", { agents: 1, failed: 1 }, true],
    ["one of ten failed", { agents: 10, installed: 9, failed: 1 }, false],
    ["two of ten failed", { agents: 10, installed: 8, failed: 2 }, true],
    ["one of 100,000 failed", { agents: 100_000, installed: 99_999, failed: 1 }, false],
    ["the first of 10,000 to be heard of failed", { agents: 10_000, failed: 1 }, false],
    ["the first two of 10,000 to be heard of failed", { agents: 10_000, failed: 2 }, true],
    ["six of 100 failed, which may be chance", { agents: 100, installed: 94, failed: 6 }, false],
    ["ten of 100 failed", { agents: 100, installed: 90, failed: 10 }, true],
    ["six of 100 in each 10,000 failed", { agents: 10_000, installed: 9_400, failed: 600 }, true],
    ["some are not well", { agents: 20, installed: 20, unwell: 5 }, true],
    ["some fell silent before they reported it", { agents: 4, silent: 4, missing: 4 }, true],
    ["nothing is known yet", { agents: 500 }, false],
    ["nobody is in it", {}, false],
  ] as const)("%s: halted is %o", ([, given, halted]) => {
    expect(stageVerdict(counts(given), SHARE).halt).toBe(halted);
  });

  test("is not halted for a silence that is as great without the release: it is evening", () => {
    const evening = { agents: 100, installed: 60, silent: 40, missing: 40 };
    expect(stageVerdict(counts(evening), SHARE).halt).toBe(true);
    const control = { agents: 1_000, silent: 400 };
    expect(stageVerdict(counts({ ...evening, control }), SHARE)).toMatchObject({ halt: false, expected: 40 });
    const few = { agents: 3, silent: 3 };
    expect(stageVerdict(counts({ ...evening, control: few }), SHARE).halt).toBe(true);
  });

  test("says on what it rests", () => {
    const { sentence } = stageVerdict(counts({ agents: 20, installed: 12, failed: 7, silent: 1 }), SHARE);
    expect(sentence).toBe("of 19 agents, it failed at 7, 1 is silent since");
  });

  test("never looks better for one failure more, or worse for one that is well", () => {
    const some = fc.nat({ max: 200 });
    fc.assert(
      fc.property(
        some,
        some,
        some,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (installed, failed, silent, share) => {
          const agents = installed + failed + silent;
          const given = { agents, installed, failed, silent, missing: silent };
          if (!stageVerdict(counts(given), share).halt) return;
          const worse = { ...given, failed: failed + 1, agents: agents + 1 };
          expect(stageVerdict(counts(worse), share).halt).toBe(true);
        },
      ),
    );
  });
});

describe("the reach of a change of stages", () => {
  const domains = [
    { domain: "pilot", agents: 100, settled: 100 },
    { domain: "berlin", agents: 900, settled: 900 },
  ];
  const ALL = { percent: 100, after: 0 };
  const HALF_DAY = 43_200_000;
  test.for([
    ["a delay for all reaches nobody sooner", [], [{ percent: 100, after: HALF_DAY }], 0],
    ["its end reaches everybody", [{ percent: 100, after: HALF_DAY }], [], 1],
    [
      "a pilot alone reaches its domain",
      [{ percent: 100, after: HALF_DAY }],
      [
        { domains: ["pilot"], percent: 100, after: 0 },
        { percent: 100, after: HALF_DAY },
      ],
      0.1,
    ],
    [
      "a larger percent reaches the difference",
      [{ percent: 10, after: 0 }],
      [{ percent: 50, after: 0 }],
      0.4,
    ],
    ["the same reaches nobody", [ALL], [ALL], 0],
  ] as const)("%s", ([, before, after, reach]) => {
    const own = (stages: readonly object[]) => stages as Parameters<typeof reachOfStages>[0];
    expect(reachOfStages(own(before), own(after), domains)).toBeCloseTo(reach, 9);
  });

  test("is nothing in an empty fleet", () => {
    expect(reachOfStages([ALL], [], [])).toBe(0);
  });

  test("is of the agents that have settled: made-up machines make no change a small one", () => {
    const fleet = [
      { domain: "default", agents: 100, settled: 100 },
      { domain: "made-up", agents: 10_000, settled: 0 },
    ];
    const later = [{ percent: 100, after: HALF_DAY }] as Parameters<typeof reachOfStages>[0];
    const own = [{ domains: ["default"], percent: 100, after: 0 }, ...later] as Parameters<
      typeof reachOfStages
    >[0];
    expect(reachOfStages(later, own, fleet)).toBe(1);
    expect(shareOf(30, fleet)).toBe(0.3);
    expect(shareOf(5_000, fleet)).toBe(1);
    // Where nobody has settled yet, all count.
    expect(shareOf(5, [{ domain: "new", agents: 10, settled: 0 }])).toBe(0.5);
  });
});
