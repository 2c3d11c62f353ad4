import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { heldFor, holdSeconds } from "../../../../src/core/fleet/notification/hold.ts";
import {
  GIVE_UP,
  type NotificationState,
  nextAttemptAt,
  nextState,
  placesDue,
  SYNC_BOUND,
  spreadWindow,
} from "../../../../src/core/fleet/notification/spread.ts";

const NOON = Date.parse("2026-01-01T12:00:00Z");
const size = fc.integer({ min: 0, max: 200_000 });

describe("a spread", () => {
  test("takes longer the more agents there are, and less time the more Update Agents", () => {
    fc.assert(
      fc.property(size, size, fc.nat(1_000), fc.nat(1_000), (agents, more, updateAgents, others) => {
        const window = spreadWindow({ agents, updateAgents });
        expect(spreadWindow({ agents: agents + more, updateAgents })).toBeGreaterThanOrEqual(window);
        expect(spreadWindow({ agents, updateAgents: updateAgents + others })).toBeLessThanOrEqual(window);
      }),
    );
    expect(spreadWindow({ agents: 100_000, updateAgents: 0 })).toBe(2_000_000);
    expect(spreadWindow({ agents: 10_000, updateAgents: 50 })).toBe(20_000);
  });

  test("begins with one agent, never takes one back, is even, and has told all by its end", () => {
    fc.assert(
      fc.property(size, fc.nat(10_000_000), fc.array(fc.nat(12_000_000)), (agents, window, moments) => {
        const spread = { agents, startedAt: NOON, window };
        let before = placesDue(spread, NOON);
        expect(before).toBeLessThanOrEqual(window === 0 ? agents : 1);
        for (const moment of moments.sort((one, other) => one - other)) {
          const due = placesDue(spread, NOON + moment);
          expect(due).toBeGreaterThanOrEqual(before);
          if (moment < window) expect(Math.abs(due - (agents * moment) / window)).toBeLessThanOrEqual(1);
          before = due;
        }
        expect(placesDue(spread, NOON + window)).toBe(agents);
      }),
    );
  });

  test("goes on where a server left it: who is due depends on the time alone, not on who looks", () => {
    const spread = { agents: 1_000, startedAt: NOON, window: 20_000 };
    expect(placesDue(spread, NOON + 10_000)).toBe(501);
    // A clock that was set back tells nobody twice, and nobody sooner.
    expect(placesDue(spread, NOON - 86_400_000)).toBe(1);
  });
});

describe("the state of a notification", () => {
  const ORDER: NotificationState[] = ["update-agents", "spreading", "told", "ended"];
  const left = fc.record({ updateAgentsOpen: fc.boolean(), waiting: fc.boolean(), awaited: fc.boolean() });

  test("only ever moves on, one state at a time, whatever happens to its agents", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(left, fc.nat(SYNC_BOUND * 2))), (moments) => {
        let state: NotificationState = "update-agents";
        for (const [each, passed] of moments) {
          const next = nextState({ state, startedAt: NOON, ...each }, NOON + passed);
          expect([0, 1]).toContain(ORDER.indexOf(next) - ORDER.indexOf(state));
          state = next;
        }
      }),
    );
  });

  test("lets the others wait for the Update Agents, and no longer than the bound", () => {
    const waiting = {
      state: "update-agents",
      startedAt: NOON,
      updateAgentsOpen: true,
      waiting: true,
      awaited: true,
    } as const;
    expect(nextState(waiting, NOON + SYNC_BOUND - 1)).toBe("update-agents");
    expect(nextState(waiting, NOON + SYNC_BOUND)).toBe("spreading");
    expect(nextState({ ...waiting, updateAgentsOpen: false }, NOON)).toBe("spreading");
  });

  test("ends once nobody is to be told, tried again or awaited, and stays as it ended", () => {
    fc.assert(
      fc.property(left, (each) => {
        const next = nextState({ state: "told", startedAt: NOON, ...each }, NOON);
        expect(next === "ended").toBe(!each.waiting && !each.awaited);
        for (const state of ["ended", "absorbed"] as const) {
          expect(nextState({ state, startedAt: NOON, ...each }, NOON)).toBe(state);
        }
      }),
    );
  });
});

test("an agent that cannot be reached is tried less and less often, and given up after a day", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (random) => {
      let now = NOON;
      let attempts = 0;
      for (;;) {
        attempts++;
        const next = nextAttemptAt({ attempts, firstAt: NOON }, now, random);
        if (next === null) break;
        expect(next - now).toBeGreaterThanOrEqual(30_000);
        expect(next - now).toBeLessThanOrEqual(3_600_000);
        now = next;
      }
      expect(now - NOON).toBeGreaterThanOrEqual(GIVE_UP);
      expect(attempts).toBeLessThan(60);
    }),
  );
});

test("requests are held for 50 s in a small fleet, for 300 s in a large one, so that few come each second", () => {
  fc.assert(
    fc.property(fc.nat(60_000), (agents) => {
      const hold = holdSeconds(agents);
      expect(hold).toBeGreaterThanOrEqual(50);
      expect(hold).toBeLessThanOrEqual(300);
      expect(agents / hold).toBeLessThanOrEqual(200);
    }),
  );
  expect(holdSeconds(1_000_000)).toBe(300);
});

test("requests that came at once come apart: none is held longer than its agent waits, nor for less than three quarters of it", () => {
  const holds = fc.integer({ min: 1, max: 300 });
  fc.assert(
    fc.property(holds, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (hold, random) => {
      const held = heldFor(hold, random);
      expect(held).toBeLessThanOrEqual(hold);
      expect(held).toBeGreaterThan(0.75 * hold - 1e-9);
    }),
  );
  const seconds = Array.from({ length: 100 }, (_, each) => Math.floor(heldFor(300, each / 100)));
  expect(new Set(seconds).size).toBeGreaterThan(70);
});
