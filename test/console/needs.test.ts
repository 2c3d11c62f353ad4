import { expect, test } from "vitest";
import { needsOf, type OverviewFacts, type WholeFleet } from "../../src/console/overview/needs.ts";
import { findingOf } from "../../src/core/findings/findingCodes.ts";

const quiet: OverviewFacts = {
  states: { online: 9, late: 0, failing: 0, outdated: 0, never: 0 },
  deviating: 0,
  holders: [],
  releases: [],
  proposals: 0,
  expiries: [],
  mirror: { error: null } as OverviewFacts["mirror"],
};
const uncovered: WholeFleet["uncovered"] = { agents: 0, withoutAddress: 0, networks: [], more: 0 };
const textsOf = (findings: WholeFleet["findings"]) =>
  needsOf(quiet, { uncovered, findings }, 0).map(({ text }) => text.replace(/\*\*(.*?)\.\*\*.*/, "$1"));

test("a source needs somebody once, for its most telling reason", () => {
  const old = [
    findingOf("UPDATE_AGENT_UNKNOWN", "no agent is called ua-tokyo-old", { entry: 2 }),
    findingOf("SOURCE_FAILING", "19 of 19 attempts at ua-tokyo-old failed within a day", { entry: 2 }),
  ];
  expect(textsOf(old)).toEqual(["19 of 19 attempts at ua-tokyo-old failed within a day"]);
  const lying = findingOf("SOURCE_REJECTED", "ua-tokyo-old sent other bytes", { entry: 2 });
  expect(textsOf([...old, lying])).toEqual(["ua-tokyo-old sent other bytes"]);
});

test("an Update Agent that two entries lead to is said once, and two sources, or two things of the whole list, twice", () => {
  const silent = (entry: number) =>
    findingOf("UPDATE_AGENT_SILENT", "lyon-1 reported last on Monday", { entry });
  const others = [
    findingOf("UPDATE_AGENT_SILENT", "berlin-1 reported last on Monday", { entry: 2 }),
    findingOf("UPDATE_AGENT_IDLE", "no entry leads to the Update Agent a"),
    findingOf("UPDATE_AGENT_IDLE", "no entry leads to the Update Agent b"),
  ];
  expect(textsOf([silent(0), silent(1), ...others])).toHaveLength(4);
});

test("an Update Agent that is lost is bad, since when, and leads to its page", () => {
  const holders = [
    { id: "a1", name: "ua-berlin", lostAt: 5 },
    { id: "a2", name: "ua-lyon", lostAt: null },
  ];
  expect(needsOf({ ...quiet, holders }, undefined, 0)).toMatchObject([
    { tone: "bad", text: expect.stringContaining("ua-berlin is not connected any more"), since: 5 },
  ]);
});
