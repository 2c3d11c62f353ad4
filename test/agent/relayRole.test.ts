import { describe, expect, test } from "vitest";
import { type Grant, type RelayPart, Role } from "../../src/agent/relayRole.ts";
import type { Config } from "../../src/config/configSchema.ts";
import type { Kind } from "../../src/core/content/kind.ts";
import { testClock } from "../support/clock.ts";

/** A role whose relays start as the test says, and never come to the end of what they fetch. */
function stage() {
  const clock = testClock(0);
  const starts: {
    config: Config;
    kinds: Kind[];
    end(): void;
    fail(): void;
    granted: Kind[][];
    closed: boolean;
  }[] = [];
  const said: string[] = [];
  const say = (text: string) => void said.push(text);
  const role = new Role({
    log: { error: say, warn: say, info: say, debug: say },
    clock,
    random: () => 1,
    whyUnreached: () => undefined,
    startRelay: ({ config, kinds }) =>
      new Promise<RelayPart>((done, fail) => {
        const start = { config, kinds, granted: [] as Kind[][], closed: false };
        const relay: RelayPart = {
          handle: () => {},
          grant: (wanted) => void start.granted.push(wanted),
          refresh: () => new Promise<void>(() => {}),
          health: () => ({ serving: true }),
          metrics: () => Promise.reject(new Error("none")),
          close: async () => {
            start.closed = true;
          },
        };
        starts.push(Object.assign(start, { end: () => done(relay), fail: () => fail(new Error("no room")) }));
      }),
  });
  const latest = () => starts.at(-1) as (typeof starts)[number];
  return { role, clock, starts, latest, said };
}

const CONFIG = {
  dataDir: "data",
  http: {},
  relay: { maxTransfers: 1 },
  log: { level: "info" },
} as unknown as Config;
const grantOf = (granted: Kind[], config: object = {}): Grant => ({
  config: { ...CONFIG, ...config },
  agentId: "a",
  granted,
});

/** The answer to a client while there is no relay. */
function turnedAway(role: Role): unknown {
  let told: unknown;
  const writeHead = (status: number, headers: Record<string, string>) => {
    told = [status, headers["nearsource-state"]];
    return { end: () => {} };
  };
  role.serve()?.({} as never, { writeHead } as never);
  return told;
}

describe("the role of an Update Agent", () => {
  test("granted twice at once is taken once, for what was granted last", async () => {
    const { role, clock, starts, latest } = stage();
    const both = [role.grant(grantOf(["components"])), role.grant(grantOf(["components", "settings"]))];
    await clock.pass(0);
    latest().end();
    await Promise.all(both);
    expect(starts).toHaveLength(1);
    expect([latest().kinds, ...latest().granted].at(-1)).toEqual(["components", "settings"]);
    expect(role.watched()?.health()).toEqual({ serving: true });
  });

  test("taken back while it is being taken is not held", async () => {
    const { role, clock, latest } = stage();
    const granted = role.grant(grantOf(["components"]));
    await clock.pass(0);
    const taken = role.grant(grantOf([]));
    latest().end();
    await Promise.all([granted, taken]);
    expect(latest().closed).toBe(true);
    expect([role.serve(), role.watched()]).toEqual([undefined, undefined]);
  });

  test("that could not be taken is tried again, and until then clients are told to wait, or sent elsewhere", async () => {
    const { role, clock, starts, latest } = stage();
    const granted = role.grant(grantOf(["components"]));
    await clock.pass(0);
    expect(turnedAway(role)).toEqual([503, "filling"]);
    latest().fail();
    await granted;
    expect(role.watched()?.health()).toEqual({ serving: false, reason: "no room" });
    expect(turnedAway(role)).toEqual([503, "unavailable"]);
    await clock.pass(10_000);
    expect(starts).toHaveLength(2);
    latest().end();
    await clock.pass(0);
    expect(role.watched()?.health()).toEqual({ serving: true });
  });

  test("begins anew with another configuration, and goes on with one that is the same to it", async () => {
    const { role, clock, starts, latest } = stage();
    const grant = async (config: object) => {
      const granted = role.grant(grantOf(["components"], config));
      await clock.pass(0);
      latest().end();
      await granted;
    };
    await grant({});
    await grant({ text: "white space", log: { level: "debug" } });
    expect(starts).toHaveLength(1);
    await grant({ relay: { maxTransfers: 2 } });
    expect(starts.map(({ config, closed }) => [config.relay.maxTransfers, closed])).toEqual([
      [1, true],
      [2, false],
    ]);
  });

  test("is not held after the end, whatever was granted at that moment", async () => {
    const { role, clock, starts, latest } = stage();
    const granted = role.grant(grantOf(["components"]));
    await clock.pass(0);
    const closed = role.close();
    const late = role.grant(grantOf(["components"]));
    latest().end();
    await Promise.all([granted, closed, late]);
    expect([starts.length, latest().closed, role.serve()]).toEqual([1, true, undefined]);
  });
});
