import { describe, expect, test } from "vitest";
import {
  type AgentState,
  agentStateOf,
  expectedOf,
  type StateFacts,
} from "../../../src/core/fleet/agentState.ts";
import { longestPause } from "../../../src/core/settings/schedule.ts";

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 10, 24, 12);
const publications = [
  { repository: "content", version: 7, seenAt: NOW - 9 * HOUR },
  { repository: "content", version: 8, seenAt: NOW - 3 * HOUR },
  { repository: "content", version: 9, seenAt: NOW - HOUR },
  { repository: "settings", version: 3, seenAt: NOW - 9 * HOUR },
];
const fine: StateFacts = { reportedAt: NOW - HOUR, failing: false, contentVersion: 9, settingsVersion: 3 };

describe("an agent is", () => {
  test.for<[state: AgentState, of: string, changes: Partial<StateFacts>]>([
    ["online", "that reported within twice its interval", {}],
    ["online", "whose next run is to bring what was published since", { contentVersion: 8 }],
    ["online", "that does not say what it holds", { contentVersion: null, settingsVersion: null }],
    ["online", "that has something newer than this server", { contentVersion: 12 }],
    ["late", "that has missed a run and the next", { reportedAt: NOW - 2 * HOUR - 1 }],
    ["late", "that failed before it was silent", { reportedAt: NOW - 9 * HOUR, failing: true }],
    ["failing", "whose last run did not get what it could have", { failing: true, contentVersion: 1 }],
    ["outdated", "that runs, and holds what was replaced long ago", { contentVersion: 7 }],
    ["outdated", "whose settings are old", { settingsVersion: 2 }],
    ["never", "that has not reported", { reportedAt: null, failing: true }],
  ])("%s: one %s", ([state, , changes]) => {
    expect(agentStateOf({ ...fine, ...changes }, expectedOf(HOUR, publications, NOW))).toBe(state);
  });
});

test("the longest pause of a schedule is its interval, or the longest between two slots: a weekend", () => {
  expect(longestPause({ interval: HOUR }, NOW)).toBe(HOUR);
  expect(longestPause({ cron: "0 3 * * *", timeZone: "UTC" }, NOW)).toBe(24 * HOUR);
  expect(longestPause({ cron: "0 3 * * 1-5", timeZone: "UTC" }, NOW)).toBe(72 * HOUR);
});
