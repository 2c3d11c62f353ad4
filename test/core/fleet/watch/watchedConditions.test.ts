import { describe, expect, test } from "vitest";
import type { Expiry } from "../../../../src/core/fleet/expiry.ts";
import {
  type Condition,
  changesOf,
  conditionsOf,
  type WatchedFacts,
} from "../../../../src/core/fleet/watch/watchedConditions.ts";

const HOUR = 3_600_000;
const facts: WatchedFacts = {
  expiries: [],
  agents: { all: 100, troubled: 0 },
  uncovered: { agents: 0, networks: 0 },
  rejected: [],
  held: new Set(),
  limits: { troubledShare: 0.1, mirrorLate: 6 * HOUR },
};
const timestamp: Expiry = {
  area: "settings",
  what: "settings timestamp",
  expires: 10 * HOUR,
  state: "fine",
  reason: null,
  remedy: "the server signs it again by itself",
};
const subjects = (given: Partial<WatchedFacts>, now = 0) =>
  conditionsOf({ ...facts, ...given }, now).map(({ kind, subject }) => `${kind}: ${subject}`);

describe("what holds", () => {
  const rows: [string, Partial<WatchedFacts>, number, string[]][] = [
    ["nothing, where all is well", { expiries: [timestamp] }, 0, []],
    [
      "an expiry that is near",
      { expiries: [{ ...timestamp, state: "soon" }] },
      0,
      ["expiry: settings timestamp"],
    ],
    [
      "one that cannot be renewed, however far",
      { expiries: [{ ...timestamp, reason: "no key" }] },
      0,
      ["expiry: settings timestamp"],
    ],
    [
      "a mirror that is late since it was confirmed",
      { mirror: { confirmedAt: 0, since: 0 } },
      6 * HOUR,
      ["mirror: content"],
    ],
    ["none that was confirmed in time", { mirror: { confirmedAt: 1, since: 0 } }, 6 * HOUR, []],
    [
      "one that never was, since it was waited for",
      { mirror: { confirmedAt: null, since: 0 } },
      6 * HOUR,
      ["mirror: content"],
    ],
    ["a share of the fleet in trouble", { agents: { all: 100, troubled: 10 } }, 0, ["agents: fleet"]],
    ["no share below the limit", { agents: { all: 100, troubled: 9 } }, 0, []],
    [
      "which holds on until it is clearly below",
      { agents: { all: 100, troubled: 9 }, held: new Set(["fleet"]) },
      0,
      ["agents: fleet"],
    ],
    ["and not for ever", { agents: { all: 100, troubled: 7 }, held: new Set(["fleet"]) }, 0, []],
    ["nothing of a fleet of none", { agents: { all: 0, troubled: 0 } }, 0, []],
    ["networks without an entry", { uncovered: { agents: 5, networks: 2 } }, 0, ["networks: networks"]],
    [
      "a source that lies, once however many ways it does",
      {
        rejected: ["HASH_MISMATCH", "SIGNATURE_INVALID"].map((code) => {
          return { source: "ua-berlin", code, agents: 3, since: 0, last: 0 };
        }),
      },
      0,
      ["sources: ua-berlin"],
    ],
    [
      "one that is behind for a day, and none that is for an hour",
      {
        rejected: [
          { source: "ua-1", code: "METADATA_OLDER", agents: 1, since: 0, last: HOUR },
          { source: "ua-2", code: "METADATA_EXPIRED", agents: 1, since: 0, last: 24 * HOUR },
        ],
      },
      0,
      ["sources: ua-2"],
    ],
    ["none that nobody counted", { uncovered: undefined }, 0, []],
  ];
  test.for(rows)("%s", ([, given, now, expected]) => {
    expect(subjects(given, now)).toEqual(expected);
  });
});

describe("what is said", () => {
  const expiry: Condition = { kind: "expiry", subject: "root", message: "m", detail: {} };
  const fleet: Condition = { kind: "agents", subject: "fleet", message: "m", detail: {} };
  const types = (...args: Parameters<typeof changesOf>) =>
    changesOf(...args).map(({ type, holds }) => `${type} ${holds}`);

  test("is a beginning once, and an end once", () => {
    expect(types([], [fleet], 0)).toEqual(["agents.outdated true"]);
    expect(types([{ ...fleet, raisedAt: 0 }], [fleet], 1_000 * HOUR)).toEqual([]);
    expect(types([{ ...fleet, raisedAt: 0 }], [], 0)).toEqual(["agents.recovered false"]);
  });

  test("is an expiry once a day, for as long as it is ahead", () => {
    const held = [{ ...expiry, raisedAt: 0 }];
    expect(types(held, [expiry], 24 * HOUR - 1)).toEqual([]);
    expect(types(held, [expiry], 24 * HOUR)).toEqual(["expiry.ahead true"]);
  });

  test("is nothing of what could not be seen", () => {
    expect(types([{ ...fleet, raisedAt: 0 }], [], 0, new Set(["agents"]))).toEqual([]);
  });
});
