import { describe, expect, test } from "vitest";
import { DocumentError } from "../../../src/core/document.ts";
import { DEFAULT_POLICY, parsePolicy, parseUpdateAgents } from "../../../src/core/settings/policy.ts";

describe("a policy is read", () => {
  test("as the documented behaviour where it says nothing", () => {
    expect(parsePolicy({})).toEqual({
      version: 0,
      activeUpdate: false,
      activeUpdateRule: "documented",
      activeUpdateAfterServer: false,
      activeUpdateKinds: ["components"],
      notify: { window: 60_000 },
      patience: { schedule: 600_000, notify: 600_000, manual: 10_000 },
      holds: {},
    });
    expect(DEFAULT_POLICY).toEqual(parsePolicy({}));
  });

  test("with every field it may have", () => {
    const policy = {
      version: 3,
      activeUpdate: true,
      activeUpdateRule: "privilege",
      activeUpdateAfterServer: true,
      activeUpdateKinds: ["components", "programs"],
      kinds: ["settings", "components"],
      schedule: { cron: "0 3 * * *", splay: 60_000 },
      notify: { window: 300_000 },
      patience: { schedule: 1_200_000, notify: 60_000, manual: 0 },
      holds: { "components/virus-pattern": 42 },
    };
    expect(parsePolicy(policy)).toEqual(policy);
  });

  test("with kinds in one order and without repetition", () => {
    const { kinds } = parsePolicy({ kinds: ["programs", "settings", "programs"] });
    expect(kinds).toEqual(["settings", "programs"]);
  });

  test("with one patience for all runs, or with its own for some", () => {
    const patienceOf = (patience: unknown) => parsePolicy({ patience }).patience;
    expect(patienceOf(5_000)).toEqual({ schedule: 5_000, notify: 5_000, manual: 5_000 });
    expect(patienceOf({ manual: 0 })).toEqual({ schedule: 600_000, notify: 600_000, manual: 0 });
  });

  test("without what a newer version of it may have", () => {
    expect(parsePolicy({ notify: { sound: "bell" }, rings: [] })).toEqual(DEFAULT_POLICY);
  });
});

describe("a policy is refused, with the field and the reason:", () => {
  test.for([
    [null, "must be an object, not null"],
    [[], "must be an object, not a list"],
    [{ version: "1" }, 'version: must be a number, not "1"'],
    [{ activeUpdate: "yes" }, 'activeUpdate: must be true or false, not "yes"'],
    [
      { activeUpdateRule: "never" },
      'activeUpdateRule: must be one of "documented", "privilege", not "never"',
    ],
    [{ activeUpdateAfterServer: 1 }, "activeUpdateAfterServer: must be true or false, not 1"],
    [{ activeUpdateKinds: [] }, "activeUpdateKinds: names no kind"],
    [{ schedule: "0 3 * * *" }, 'schedule: must be { "cron": "…" } or { "interval": '],
    [{ notify: { window: -1 } }, "notify.window: must be 0 or more, not -1"],
    [{ kinds: ["content"] }, "kinds[0]: must be one of"],
    [
      { holds: { "components/virus-pattern": 0 } },
      "holds.components/virus-pattern: must be 1 or more, not 0",
    ],
    [{ holds: { "components/virus-pattern": "42" } }, "must be a number"],
    [{ holds: { "components/virus-pattern": 1.5 } }, "must be a whole number, not 1.5"],
    [{ rateLimit: "fast" }, "rateLimit: must be 1024 bytes per second or more, such as 500000, or {"],
    [{ rateLimit: { hours: [] } }, "rateLimit: must be 1024 bytes per second or more, such as 500000, or {"],
    [{ rateLimit: { bytesPerSecond: 5 } }, "rateLimit.bytesPerSecond: must be 1024 or more bytes"],
    [
      { rateLimit: { bytesPerSecond: 5_000, hours: ["mon 8-18"] } },
      'rateLimit.hours[0]: "mon 8-18" is not hours of the week, such as "mon-fri 08:00-18:00"',
    ],
    [
      { rateLimit: { bytesPerSecond: 5_000, hours: ["sat 00:00-24:00", 8] } },
      'rateLimit.hours[1]: must be text, such as "mon-fri 08:00-18:00"',
    ],
    [{ schedule: { interval: "1h" } }, "schedule.interval: must be 60000 or more and "],
    [
      { schedule: { cron: "0 3 * * *", splay: -1 } },
      "schedule.splay: must be 0 or more and 86400000 at most, in milliseconds, such as ",
    ],
    [
      { schedule: { cron: "daily" } },
      'schedule: "daily" is not a cron expression of five fields, such as "0 3',
    ],
    [{ schedule: { cron: "0 3 * * *", timeZone: "Mars" } }, 'schedule: "Mars" is not a time zone, such as'],
  ] as const)("%j", ([policy, reason]) => {
    expect(() => parsePolicy(policy)).toThrow(DocumentError);
    expect(() => parsePolicy(policy)).toThrow(reason);
  });
});

describe("the grants of the Update Agent role", () => {
  test("name agents by id and the kinds that each holds", () => {
    const grants = { version: 2, agents: [{ id: "a-1", kinds: ["components"] }] };
    expect(parseUpdateAgents(grants)).toEqual(grants);
    expect(parseUpdateAgents({ agents: [] })).toEqual({ version: 0, agents: [] });
  });

  test.for([
    [{}, "agents: is missing"],
    [{ agents: [{ kinds: ["components"] }] }, "agents[0].id: is missing"],
    [{ agents: [{ id: "", kinds: ["components"] }] }, "agents[0].id: "],
    [{ agents: [{ id: "a-1" }] }, "agents[0].kinds: is missing"],
    [{ agents: [{ id: "a-1", kinds: [] }] }, "agents[0].kinds: names no kind"],
  ] as const)("are refused as %j", ([grants, reason]) => {
    expect(() => parseUpdateAgents(grants)).toThrow(reason);
  });
});
