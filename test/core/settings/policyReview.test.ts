import { describe, expect, test } from "vitest";
import { parsePolicy, parseUpdateAgents } from "../../../src/core/settings/policy.ts";
import { reviewPolicy, reviewUpdateAgents } from "../../../src/core/settings/policyReview.ts";

const ID = "3f2b8c1e-5d64-4a7b-9c0d-1e2f3a4b5c6d";

describe("a field that has no effect is pointed out, with the one that was probably meant:", () => {
  test.for([
    [{ shedule: {} }, ['its field "shedule" is not known here and has no effect (did you mean "schedule"?)']],
    [{ Rate_Limit: 5_000 }, [expect.stringContaining('(did you mean "rateLimit"?)')]],
    [{ hold: {} }, [expect.stringContaining('(did you mean "holds"?)')]],
    [{ notify: { windw: 5 } }, [expect.stringMatching(/"notify\.windw" .* \(did you mean "window"\?\)$/)]],
    [
      { rateLimit: { bytesPerSecond: 5_000, hour: [] } },
      [expect.stringMatching(/"rateLimit\.hour" .*"hours"/)],
    ],
    [{ schedule: { cron: "0 3 * * *", interval: 60_000 } }, [expect.stringContaining('"schedule.interval"')]],
    [{ schedule: { interval: 60_000, timeZone: "UTC" } }, [expect.stringContaining('"schedule.timeZone"')]],
    [{ comment: "ours" }, ['its field "comment" is not known here and has no effect']],
    [{ ["x".repeat(100_000)]: 1 }, [expect.stringContaining("has no effect")]],
    [{ constructor: 1 }, [expect.stringContaining('"constructor"')]],
  ] as const)("policy %#", ([policy, remarks]) => {
    parsePolicy(policy);
    expect(reviewPolicy(policy)).toEqual(remarks);
  });

  test("in the grants of the Update Agent role", () => {
    const grants = { agent: [], agents: [{ id: ID, kinds: ["components"], kind: ["settings"] }] };
    parseUpdateAgents(grants);
    expect(reviewUpdateAgents(grants)).toEqual([
      'its field "agent" is not known here and has no effect (did you mean "agents"?)',
      'its field "agents[0].kind" is not known here and has no effect (did you mean "kinds"?)',
    ]);
  });

  test("a name that is no agent's id among the grants", () => {
    const kinds = ["components"];
    const ids = ["undefined", "0b5c0e4a-…", " ", ` ${ID}`, ID.toUpperCase(), ID];
    const grants = { agents: ids.map((id) => ({ id, kinds })) };
    parseUpdateAgents(grants);
    expect(reviewUpdateAgents(grants)).toEqual(
      ids
        .slice(0, -1)
        .map((id, index) => expect.stringContaining(`agents[${index}].id: ${JSON.stringify(id)} is not`)),
    );
    expect(() => parseUpdateAgents({ agents: [{ id: "", kinds }] })).toThrow(/^agents\[0\]\.id: is empty$/);
  });

  test.for([null, 5, "x", [], { agents: 5, holds: null }, { agents: [null, { id: 5 }], holds: 5 }])(
    "nothing where there is nothing to look at: %j",
    (document) => {
      expect(reviewUpdateAgents(document).filter((each) => !each.includes("holds"))).toEqual([]);
      expect(reviewPolicy(document).filter((each) => !each.includes("agents"))).toEqual([]);
    },
  );

  test("a hold of a name without its kind", () => {
    const policy = { holds: { "components/rules": 4, rules: 4, "components/": 4 } };
    parsePolicy(policy);
    expect(reviewPolicy(policy)).toEqual([
      'its hold of "rules" has no effect: a hold is of kind/name, such as "components/rules"',
      'its hold of "components/" has no effect: a hold is of kind/name, such as "components/components/"',
    ]);
  });

  test("none in a policy that has every field there is", () => {
    const kinds = ["components"];
    const policy = {
      ...{ version: 1, activeUpdate: true, activeUpdateRule: "privilege", activeUpdateAfterServer: true },
      ...{ activeUpdateKinds: kinds, kinds, rateLimit: { bytesPerSecond: 5_000, hours: ["00:00-24:00"] } },
      ...{ schedule: { cron: "0 3 * * *", timeZone: "UTC", splay: 0 }, notify: { window: 0 } },
      holds: { "programs/agent": 3 },
    };
    parsePolicy(policy);
    expect(reviewPolicy(policy)).toEqual([]);
  });
});
