import { describe, expect, test } from "vitest";
import { parsePolicy } from "../../../src/core/settings/policy.ts";
import {
  believed,
  followedBefore,
  nextRun,
  nextScheduled,
  type Planned,
  retryDelay,
  type Schedule,
} from "../../../src/core/settings/schedule.ts";

const at = (time: string) => Date.parse(time);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** A plan of an agent that has followed its schedule until `followed` and is up since then. */
function plan(schedule: Schedule, followed: number, rest: Partial<Planned> = {}): Planned {
  return { schedule, agentId: "an-agent", followed, started: followed, ...rest };
}

/** Every run that a schedule leads to between two moments, when each is begun as it is due. */
function runsBetween(schedule: Schedule, from: number, to: number): string[] {
  const runs: string[] = [];
  for (let followed = from; ; ) {
    const next = nextRun(plan(schedule, followed), followed);
    if (next === undefined || next.at > to) return runs;
    runs.push(new Date(next.at).toISOString());
    followed = next.at;
  }
}

describe("D5: over the change to and from summer time", () => {
  const daily: Schedule = { cron: "30 2 * * *", timeZone: "Europe/Berlin", splay: 0 };
  const halfHourly: Schedule = { cron: "*/30 * * * *", timeZone: "Europe/Berlin", splay: 0 };

  test("a slot that the clock leaps over runs once, when it has", () => {
    expect(runsBetween(daily, at("2026-03-28T12:00:00Z"), at("2026-03-30T12:00:00Z"))).toEqual([
      "2026-03-29T01:00:00.000Z",
      "2026-03-30T00:30:00.000Z",
    ]);
  });

  test("a slot that comes twice by the clock runs once", () => {
    expect(runsBetween(daily, at("2026-10-24T12:00:00Z"), at("2026-10-26T12:00:00Z"))).toEqual([
      "2026-10-25T00:30:00.000Z",
      "2026-10-26T01:30:00.000Z",
    ]);
  });

  test("a slot is not found again from the hour that comes twice", () => {
    const next = nextRun(plan(daily, at("2026-10-25T00:45:00Z")), at("2026-10-25T00:45:00Z"));
    expect(next?.at).toBe(at("2026-10-26T01:30:00Z"));
  });

  test("what runs every half hour goes on doing so", () => {
    for (const day of ["2026-03-29", "2026-10-25"]) {
      const runs = runsBetween(halfHourly, at(`${day}T00:00:00Z`), at(`${day}T04:00:00Z`)).map(at);
      expect(runs.map((run) => run - at(`${day}T00:00:00Z`))).toEqual(
        [1, 2, 3, 4, 5, 6, 7, 8].map((n) => (n * HOUR) / 2),
      );
    }
  });

  test("an interval knows no summer time", () => {
    const runs = runsBetween(
      { interval: HOUR, splay: 0 },
      at("2026-10-25T00:10:00Z"),
      at("2026-10-25T03:10:00Z"),
    );
    expect(runs).toHaveLength(3);
  });

  test("what others are told as an agent's next run is what it does", () => {
    const schedule = { interval: HOUR, splay: HOUR };
    const now = at("2026-11-27T12:00:00Z");
    const next = nextScheduled(schedule, "an-agent", now);
    expect(next).toBe(nextRun(plan(schedule, now), now)?.at);
    expect(next).toBeGreaterThan(now);
    expect(nextScheduled(schedule, "an-agent", next ?? 0)).toBe((next ?? 0) + HOUR);
  });

  test("a leap second, by which clocks stand still, neither doubles a slot nor loses one", () => {
    const midnight = at("2017-01-01T00:00:00Z");
    const next = nextRun(plan({ interval: HOUR, splay: 0 }, midnight), midnight - 1);
    expect(next?.at).toBe(midnight + HOUR);
  });
});

describe("the splay of an agent", () => {
  const schedule: Schedule = { interval: HOUR };
  const offsetOf = (agentId: string) =>
    ((nextRun({ ...plan(schedule, at("2026-01-01T00:00:00Z")), agentId }, at("2026-01-01T00:00:00Z"))?.at ??
      0) %
      HOUR) /
    HOUR;

  test("is the same for the same agent, whatever the hour and however often it starts", () => {
    const offsets = [0, 5, 999].map((hours) => {
      const followed = at("2026-01-01T00:20:00Z") + hours * HOUR;
      return (nextRun(plan(schedule, followed), followed)?.at ?? 0) % HOUR;
    });
    expect(new Set(offsets).size).toBe(1);
  });

  test("spreads a fleet evenly over it", () => {
    const tenths = Array.from({ length: 10 }, () => 0);
    for (let n = 0; n < 10_000; n++) {
      const tenth = Math.floor(offsetOf(`agent-${n}`) * 10);
      tenths[tenth] = (tenths[tenth] ?? 0) + 1;
    }
    expect(Math.min(...tenths)).toBeGreaterThan(850);
    expect(Math.max(...tenths)).toBeLessThan(1_150);
  });

  test("delays each slot of a cron expression by as much, and by no more than it says", () => {
    const cron: Schedule = { cron: "0 3 * * *", timeZone: "UTC", splay: 60_000 };
    const [first = "", second = ""] = runsBetween(
      cron,
      at("2026-01-01T12:00:00Z"),
      at("2026-01-03T12:00:00Z"),
    );
    expect(at(second) - at(first)).toBe(DAY);
    expect(at(first) - at("2026-01-02T03:00:00Z")).toBeLessThan(60_000);
  });
});

describe("a run that was missed", () => {
  const schedule: Schedule = { interval: HOUR, splay: 0 };
  const noon = at("2026-01-01T12:00:00Z");

  test("while the machine slept is due at once, and only once", () => {
    const followed = noon - 8 * HOUR;
    const woken = plan(schedule, followed);
    expect(nextRun(woken, noon)?.at).toBeLessThanOrEqual(noon);
    expect(nextRun({ ...woken, followed: noon }, noon)?.at).toBe(noon + HOUR);
  });

  test("while the machine was off is due a moment after the start, which is another for each agent", () => {
    const delays = ["a", "b", "c"].map((agentId) => {
      const planned = { ...plan({ interval: HOUR }, noon - DAY), agentId, started: noon };
      const next = nextRun(planned, noon);
      expect(next?.why).toBe("missed");
      return (next?.at ?? 0) - noon;
    });
    expect(new Set(delays).size).toBe(3);
    for (const delay of delays) expect(delay).toBeLessThan(120_000);
  });

  test("by an agent that has never run is caught up as well", () => {
    expect(nextRun({ schedule, agentId: "new", started: noon }, noon)).toEqual({ at: noon, why: "missed" });
  });
});

describe("a clock that is set", () => {
  const schedule: Schedule = { interval: HOUR, splay: 0 };
  const noon = at("2026-01-01T12:00:00Z");

  test("forward makes up for all it leapt over with one run", () => {
    expect(nextRun(plan(schedule, noon), noon + 400 * DAY)?.at).toBe(noon + HOUR);
  });

  test("back by a step does not run a slot again", () => {
    const planned = believed(plan(schedule, noon), noon - 600_000);
    expect(nextRun(planned, noon - 600_000)?.at).toBe(noon + HOUR);
  });

  test("back from a wrong year does not wait for that year", () => {
    const planned = believed(plan(schedule, noon + 400 * DAY), noon);
    expect(nextRun(planned, noon)?.at).toBe(noon + HOUR);
  });

  test("back while a delay runs does not stretch it", () => {
    const asked = { since: noon, delay: 60_000 };
    const planned = believed(plan(schedule, noon, { asked }), noon - 5 * DAY);
    expect(nextRun(planned, noon - 5 * DAY)).toEqual({ at: noon - 5 * DAY + 60_000, why: "asked" });
  });
});

test("the earliest of slot, retry and request comes first", () => {
  const noon = at("2026-01-01T12:00:00Z");
  const wait = (delay: number) => ({ since: noon, delay });
  const schedule: Schedule = { interval: HOUR, splay: 0 };
  const why = (rest: Partial<Planned>) => nextRun(plan(schedule, noon, rest), noon)?.why;
  expect(why({})).toBe("schedule");
  expect(why({ retry: wait(60_000) })).toBe("retry");
  expect(why({ retry: wait(60_000), asked: wait(30_000) })).toBe("asked");
  expect(why({ retry: wait(2 * HOUR), asked: wait(3 * HOUR) })).toBe("schedule");
});

test("retries after failures get rarer, up to an hour, each at another moment", () => {
  expect([1, 2, 3, 4].map((failures) => retryDelay(failures, 1))).toEqual([
    60_000, 120_000, 240_000, 480_000,
  ]);
  expect(retryDelay(1, 0)).toBe(30_000);
  expect(retryDelay(500, 1)).toBe(HOUR);
});

describe("a policy's schedule", () => {
  test.for([
    [{ cron: "0 3 * * *" }, { cron: "0 3 * * *" }],
    [
      { cron: "0 3 * * 1-5", timeZone: "Europe/Berlin", splay: 0 },
      { cron: "0 3 * * 1-5", timeZone: "Europe/Berlin", splay: 0 },
    ],
    [{ interval: 60_000 }, { interval: 60_000 }],
  ] as const)("%j is accepted", ([schedule, read]) => {
    expect(parsePolicy({ schedule }).schedule).toEqual(read);
  });

  test.for([
    [{ cron: "every day" }, "schedule: "],
    [{ cron: "61 3 * * *" }, "schedule: "],
    [{ cron: "0 0 3 * * *" }, "schedule: "],
    [{ cron: "0 0 31 2 *" }, "never comes"],
    [{ cron: "0 3 * * *", timeZone: "Mars/Olympus" }, "Mars/Olympus"],
    [{ interval: 59_999 }, "60000 or more"],
    [{}, 'must be { "cron": "…" } or { "interval": '],
    [{ interval: 60_000, splay: -1 }, "schedule"],
  ] as const)("%j is refused", ([schedule, reason]) => {
    expect(() => parsePolicy({ schedule })).toThrow(reason);
  });
});

describe("before a start, the schedule was followed", () => {
  test.each([
    ["never, where nothing has run", {}, undefined],
    ["when the agent did", { followed: 5 }, 5],
    ["never, where only a run by hand succeeded", { succeeded: 7 }, undefined],
    ["when the later of the two was", { followed: 5, succeeded: 7 }, 7],
    ["when the later of the two was, the other way round", { followed: 7, succeeded: 5 }, 7],
    ["not yet, where a run is owed", { followed: 5, owed: 6 }, undefined],
    ["not yet, where what succeeded began before that", { followed: 5, owed: 6, succeeded: 5 }, undefined],
    ["when a run has succeeded since one was owed", { followed: 5, owed: 6, succeeded: 7 }, 7],
  ])("%s", (_, before, expected) => {
    expect(followedBefore(before)).toBe(expected);
  });
});
