import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  describeHeldBack,
  type InstalledComponent,
  target,
} from "../../../src/core/content/chooseRelease.ts";
import type { Manifest } from "../../../src/core/content/manifest.ts";
import { placeInPercent, wantedReleases } from "../../../src/core/content/stages.ts";
import { formatMoment } from "../../../src/core/moment.ts";
import { parseReleases, type Rollout, reviewReleases } from "../../../src/core/settings/rollout.ts";

const COMPONENT = "components/virus-pattern";
const PLACE = 41.494177;
const HOUR = 3_600_000;
const agent = { id: "3f2b8c1e-5d64-4a7b-9c0d-1e2f3a4b5c6d", domain: "berlin" };

const release = (number: number) => ({ release: number, version: `${number}.0`, files: [] });

function offering(numbers: number[]): Manifest {
  return { kind: "components", name: "virus-pattern", releases: numbers.map(release) };
}

function having(number: number | undefined): InstalledComponent | undefined {
  return number === undefined ? undefined : { kind: "components", name: "virus-pattern", ...release(number) };
}

function rolling(given: Partial<Rollout>): Rollout {
  return { stages: [], seen: [], halted: [], ...given };
}

const EVERYBODY = { percent: 100, after: 0 };

describe("the decision", () => {
  const decide = (
    offered: number[],
    installed: number | undefined,
    rollout: Partial<Rollout>,
    more: { now?: number; failed?: number; policy?: number; agent?: typeof agent } = {},
  ) => {
    const { now = 0, failed, policy } = more;
    const staging = { rollout: rolling(rollout), agent: more.agent ?? agent, now };
    return target(offering(offered), having(installed), { failed, policy, staging });
  };
  const later = {
    stages: [{ percent: 100, after: HOUR }],
    seen: [
      { release: 43, at: 0 },
      { release: 42, at: 0 },
    ],
  };

  test("a release is for a stage until its time has come, and then it is installed", () => {
    expect(decide([43], 42, later, { now: HOUR - 1 })).toEqual({
      action: "keep",
      reason: "held for a stage",
      heldBack: { release: 43, version: "43.0", reason: "held for a stage", stage: 1, from: HOUR },
      due: HOUR,
    });
    expect(decide([43], 42, later, { now: HOUR })).toEqual({ action: "install", release: release(43) });
  });

  test("the newest release that an agent is entitled to is installed, with the reason why it is no newer one", () => {
    const seen = [43, 42].map((each, index) => ({ release: each, at: index === 0 ? HOUR : 0 }));
    const stages = [{ percent: 100, after: HOUR }];
    expect(decide([43, 42, 41], 40, { stages, seen }, { now: HOUR })).toMatchObject({
      action: "install",
      release: { release: 42 },
      heldBack: { release: 43, from: 2 * HOUR },
      due: 2 * HOUR,
    });
  });

  test("a release that the server has not seen is not taken where there are stages", () => {
    const rollout = { stages: [EVERYBODY], seen: [{ release: 42, at: 0 }] };
    expect(decide([43, 42], 41, rollout)).toMatchObject({
      action: "install",
      release: { release: 42 },
      heldBack: { release: 43, reason: "held until the server has seen it" },
    });
    expect(decide([43], undefined, rollout)).toMatchObject({ action: "keep", heldBack: { release: 43 } });
  });

  test("domains of a stage count, and an agent that is in no stage keeps what it has", () => {
    const seen = [{ release: 43, at: 0 }];
    const pilot = { stages: [{ domains: ["pilot"], percent: 100, after: 0 }], seen };
    expect(decide([43], 42, pilot)).toEqual({
      action: "keep",
      reason: "held for a stage",
      heldBack: { release: 43, version: "43.0", reason: "held for a stage" },
    });
    expect(decide([43], 42, pilot, { agent: { ...agent, domain: "pilot" } }).action).toBe("install");
  });

  test("a halted release is passed over; who has it keeps it, and hears why", () => {
    const halted = { halted: [{ release: 43, reason: "7 of 20 agents failed" }] };
    expect(decide([43, 42], 41, halted)).toMatchObject({
      action: "install",
      release: { release: 42 },
      heldBack: { release: 43, reason: "halted", why: "7 of 20 agents failed" },
    });
    expect(decide([43, 42], 43, halted)).toMatchObject({ action: "keep", reason: "halted" });
    expect(decide([44, 43, 42], 43, halted)).toMatchObject({ action: "install", release: { release: 44 } });
  });

  test("a pin is obeyed both ways as long as it is offered, and else nothing changes", () => {
    expect(decide([43, 42, 41], 43, { pin: 42 })).toMatchObject({
      action: "install",
      release: { release: 42 },
    });
    expect(decide([43, 42, 41], 41, { pin: 42 })).toMatchObject({
      action: "install",
      release: { release: 42 },
    });
    expect(decide([43, 42], 42, { pin: 42 })).toMatchObject({ action: "keep", reason: "pinned" });
    expect(decide([43, 42], 43, { pin: 40 })).toMatchObject({ action: "keep", heldBack: { pin: 40 } });
    expect(decide([43, 42], 43, { pin: 42 }, { failed: 42 })).toMatchObject({
      reason: "held after a failure",
    });
  });

  test("the policy's hold counts before stages, halts and pins; a failure here counts within them", () => {
    const all = { ...later, pin: 42, halted: [{ release: 43 }] };
    expect(decide([43, 42], 42, all, { policy: 43 })).toMatchObject({
      action: "install",
      release: { release: 43 },
    });
    const open = { stages: [EVERYBODY], seen: [{ release: 43, at: 0 }] };
    expect(decide([43], 42, open, { failed: 43 })).toMatchObject({ reason: "held after a failure" });
  });

  test("an agent without an id is in the stages that are for all, and in no other", () => {
    const stages = [
      { percent: 99.9, after: 0 },
      { percent: 100, after: HOUR },
    ];
    const nobody = { agent: { id: "", domain: "berlin" } };
    expect(decide([43], 42, { ...later, stages }, nobody)).toMatchObject({
      heldBack: { stage: 2, from: HOUR },
    });
  });
});

test("what is held back is said in words", () => {
  const say = (held: Parameters<typeof describeHeldBack>[0]) => describeHeldBack(held, formatMoment);
  const from = Date.parse("2026-11-24T14:05:00Z");
  expect(say({ release: 43, reason: "held for a stage", stage: 2, from })).toBe(
    "release 43 is for stage 2, from Tue 24 Nov 2026 14:05 UTC",
  );
  expect(say({ release: 43, reason: "halted", why: "3 failed" })).toBe("release 43 is halted: 3 failed");
  expect(say({ release: 43, reason: "pinned", pin: 42 })).toBe(
    "release 43 waits, since release 42 is pinned",
  );
});

const stage = fc.record(
  {
    domains: fc.array(fc.constantFrom("berlin", "lyon", "pilot"), { minLength: 1, maxLength: 2 }),
    percent: fc.double({ min: 0.01, max: 100, noNaN: true }),
    after: fc.nat({ max: 10 * HOUR }),
  },
  { requiredKeys: ["percent", "after"] },
);
const rollout: fc.Arbitrary<Rollout> = fc.record(
  {
    stages: fc
      .array(stage, { maxLength: 4 })
      .map((stages) => stages.toSorted((one, other) => one.after - other.after)),
    seen: fc.uniqueArray(fc.record({ release: fc.integer({ min: 1, max: 6 }), at: fc.nat({ max: HOUR }) }), {
      selector: (each) => each.release,
    }),
    halted: fc.uniqueArray(fc.record({ release: fc.integer({ min: 1, max: 6 }) }), {
      selector: (each) => each.release,
    }),
    pin: fc.integer({ min: 1, max: 6 }),
  },
  { requiredKeys: ["stages", "seen", "halted"] },
);
const offered = fc
  .uniqueArray(fc.integer({ min: 1, max: 6 }), { minLength: 1 })
  .map((numbers) => numbers.toSorted((one, other) => other - one));
const anyone = fc.record({ id: fc.uuid(), domain: fc.constantFrom("berlin", "lyon", "pilot") });
const time = fc.nat({ max: 12 * HOUR });
const maybe = fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined });

describe("whatever the site says", () => {
  test("only what the vendor offers is installed, nothing halted, and nothing older without a pin", () => {
    fc.assert(
      fc.property(offered, maybe, rollout, anyone, time, (numbers, installed, rollout, agent, now) => {
        const decision = target(offering(numbers), having(installed), { staging: { rollout, agent, now } });
        if (decision.action !== "install") return;
        const { release } = decision.release;
        expect(numbers).toContain(release);
        if (rollout.pin !== undefined) expect(release).toBe(rollout.pin);
        else {
          expect(rollout.halted.map((each) => each.release)).not.toContain(release);
          expect(release).toBeGreaterThan(installed ?? 0);
          if (rollout.stages.length > 0) expect(rollout.seen.map((each) => each.release)).toContain(release);
        }
        expect(wantedReleases(numbers, rollout, now).has(release)).toBe(true);
      }),
    );
  });

  test("a larger percent and a later time never take a release away, and the time given is when it comes", () => {
    fc.assert(
      fc.property(
        offered,
        rollout,
        anyone,
        time,
        fc.nat({ max: 3 * HOUR }),
        (numbers, rollout, agent, now, more) => {
          const highest = (rollout: Rollout, now: number) => {
            const decision = target(offering(numbers), undefined, { staging: { rollout, agent, now } });
            return {
              release: decision.action === "install" ? decision.release.release : 0,
              due: decision.due,
            };
          };
          const { release, due } = highest(rollout, now);
          expect(highest(rollout, now + more).release).toBeGreaterThanOrEqual(release);
          const stages = rollout.stages.map((each) => ({
            ...each,
            percent: Math.min(100, each.percent * 1.5),
          }));
          expect(highest({ ...rollout, stages }, now).release).toBeGreaterThanOrEqual(release);
          if (due === undefined) return;
          expect(highest(rollout, due - 1).release).toBe(release);
          expect(highest(rollout, due).release).toBeGreaterThan(release);
        },
      ),
    );
  });
});

describe("an agent's place", () => {
  test("is the same on every machine", () => {
    // Another program that computes it can be tested by these (docs/releases.md).
    expect(placeInPercent(COMPONENT, agent.id)).toBeCloseTo(PLACE, 6);
    expect(placeInPercent(COMPONENT, agent.id)).toBe(placeInPercent(COMPONENT, agent.id));
  });

  test("is spread evenly, and differs from component to component", () => {
    const ids = Array.from(
      { length: 10_000 },
      (_, at) => `00000000-0000-4000-8000-${String(at).padStart(12, "0")}`,
    );
    for (const percent of [1, 10, 50]) {
      const share = ids.filter((id) => placeInPercent(COMPONENT, id) < percent).length / 100;
      expect(Math.abs(share - percent)).toBeLessThan(1.5);
    }
    const both = ids.filter(
      (id) => placeInPercent(COMPONENT, id) < 10 && placeInPercent("programs/agent", id) < 10,
    );
    expect(Math.abs(both.length - 100)).toBeLessThan(50);
  });
});

describe("an Update Agent has ahead", () => {
  const seen = [44, 43, 42].map((each) => ({ release: each, at: (each - 42) * HOUR }));
  const stages = [
    { percent: 10, after: 0 },
    { percent: 100, after: HOUR },
  ];
  test.for([
    ["the newest alone where there are no stages", rolling({}), 0, [44]],
    ["all that somebody may ask for", rolling({ stages, seen }), 2 * HOUR, [44, 43]],
    ["and older ones while less is open to all", rolling({ stages, seen }), 1, [44, 43, 42, 41]],
    ["nothing that is halted", rolling({ stages, seen, halted: [{ release: 44 }] }), 2 * HOUR, [43]],
    ["a pin alone", rolling({ stages, seen, pin: 42 }), 0, [42]],
    ["the others where a pin is not offered", rolling({ pin: 7 }), 0, [44]],
  ] as const)("%s", ([, rollout, now, wanted]) => {
    expect([...wantedReleases([44, 43, 42, 41], rollout, now)]).toEqual(wanted);
  });
});

describe("the document", () => {
  const staged = (stages: unknown) => ({ components: { [COMPONENT]: { stages } } });
  test.for([
    [
      staged([{ percent: 0, after: 0 }]),
      "components.components/virus-pattern.stages[0].percent: must be above 0 and 100 at most",
    ],
    [staged([{ percent: 101, after: 0 }]), "stages[0].percent: must be above 0"],
    [staged([{ percent: 5 }]), "stages[0].after: is missing"],
    [staged([{ percent: 5, after: -1 }]), "stages[0].after: must be 0 or more"],
    [
      staged([
        { percent: 5, after: 10 },
        { percent: 50, after: 5 },
      ]),
      'stage 2 is before the one above it: sort them by "after"',
    ],
    [staged([{ domains: [], percent: 5, after: 0 }]), "stages[0].domains: is empty"],
    [
      {
        components: {
          [COMPONENT]: {
            seen: [
              { release: 1, at: 0 },
              { release: 1, at: 5 },
            ],
          },
        },
      },
      "seen: names a release twice",
    ],
    [{ components: { [COMPONENT]: { halted: [{ release: 1, reason: "a\nb" }] } } }, "must be one line"],
    [{ components: { [COMPONENT]: { pin: 1.5 } } }, "pin: must be a whole number"],
    [{ components: [] }, "components: must be an object"],
  ])("is refused whole, with the place: %j", ([document, reason]) => {
    expect(() => parseReleases(document)).toThrow(reason as string);
  });

  test("passes over fields of a newer program, and says what has no effect", () => {
    const document = {
      components: {
        [COMPONENT]: { stages: [{ percent: 5, after: 0, colour: "red" }] },
        "virus-pattern": { pin: 4 },
      },
    };
    expect(parseReleases(document).components[COMPONENT]?.stages).toEqual([{ percent: 5, after: 0 }]);
    expect(reviewReleases(document).join("\n")).toMatch(
      /"components.+stages\[0\].colour"[\s\S]*no stage is for all agents[\s\S]*kind\/name/,
    );
  });
});
