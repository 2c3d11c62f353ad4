import { describe, expect, test } from "vitest";
import { keepOpen } from "../../src/agent/keepOpen.ts";
import { testClock } from "../support/clock.ts";

/** Something whose attempts end as the test says, one after the other. */
function stage() {
  const clock = testClock(0);
  const said: string[] = [];
  const attempts: { open(lost?: Promise<unknown>): void; fail(reason: string): void; signal: AbortSignal }[] =
    [];
  let changes = 0;
  let closed = 0;
  const opening = keepOpen(
    (signal) =>
      new Promise<{ close(): Promise<void>; lost?: Promise<unknown> }>((done, fail) => {
        const close = async () => void closed++;
        attempts.push({
          open: (lost) => done({ close, ...(lost === undefined ? {} : { lost }) }),
          fail: (reason) => fail(new Error(reason)),
          signal,
        });
      }),
    {
      level: "error",
      backOff: { first: 10_000, longest: 60_000 },
      onChange: () => changes++,
      clock,
      random: () => 1,
      log: {
        error: (text) => said.push(`error: ${text}`),
        debug: (text) => said.push(`debug: ${text}`),
        warn: () => {},
        info: () => {},
      },
    },
  );
  const latest = () => attempts.at(-1) as (typeof attempts)[number];
  return { clock, said, attempts, latest, opening, changes: () => changes, closed: () => closed };
}

describe("what could not be opened", () => {
  test("is tried again, ever less often up to a minute, until it is there", async () => {
    const { clock, attempts, latest, opening, changes } = stage();
    const gaps: number[] = [];
    for (let failures = 0; failures < 5; failures++) {
      latest().fail("no");
      await clock.pass(0);
      gaps.push(clock.timers()[0] ?? 0);
      await clock.pass(gaps.at(-1) ?? 0);
    }
    expect(gaps).toEqual([10_000, 20_000, 40_000, 60_000, 60_000]);
    expect([opening.part, opening.failure]).toEqual([undefined, "no"]);
    latest().open();
    await clock.pass(600_000);
    expect([opening.part, opening.failure]).toEqual([expect.anything(), undefined]);
    expect([attempts.length, changes()]).toEqual([6, 6]);
  });

  test("is said once for each reason, however often it is tried", async () => {
    const { clock, latest, said } = stage();
    for (const reason of ["taken", "taken", "gone"]) {
      latest().fail(reason);
      await clock.pass(60_000);
    }
    expect(said).toEqual([
      "error: taken; it is tried again",
      "debug: taken; it is tried again",
      "error: gone; it is tried again",
    ]);
  });

  test("is not tried any more once it was closed, also when that came during an attempt", async () => {
    const { clock, attempts, latest, opening, closed } = stage();
    const closing = opening.close();
    expect(latest().signal.aborted).toBe(true);
    latest().open();
    await closing;
    await clock.pass(600_000);
    expect([attempts.length, closed(), opening.part]).toEqual([1, 1, undefined]);
  });
});

describe("what was lost", () => {
  test("is closed and opened again", async () => {
    const { clock, attempts, latest, opening, closed, said } = stage();
    let lose = (_: unknown) => {};
    latest().open(new Promise((lost) => (lose = lost)));
    await clock.pass(100_000);
    lose(new Error("the broker went away"));
    await clock.pass(0);
    expect([opening.part, closed(), said]).toEqual([
      undefined,
      1,
      ["error: the broker went away; it is tried again"],
    ]);
    await clock.pass(10_000);
    latest().open();
    await clock.pass(0);
    expect([attempts.length, opening.part]).toEqual([2, expect.anything()]);
    await opening.close();
    expect(closed()).toBe(2);
  });

  test("as soon as it was there is tried less and less often", async () => {
    const { clock, attempts, latest } = stage();
    for (let times = 0; times < 4; times++) {
      latest().open(Promise.resolve("refused"));
      await clock.pass(0);
      await clock.pass(clock.timers()[0] ?? 0);
    }
    expect(attempts).toHaveLength(5);
    expect(clock.now()).toBe(10_000 + 20_000 + 40_000 + 60_000);
  });
});
