import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { keepPlanned } from "../../../src/server/fleet/keepPlanned.ts";
import { databases } from "../../support/databases.ts";
import {
  type Call,
  enrolMachine,
  makeReadyServer,
  reportRun,
  type ServerWorld,
} from "../../support/serverWorld.ts";

const DAY = 86_400_000;
const UA = "http://ua-berlin.example:21112";

describe.for(databases().filter(({ isShared }) => isShared))("on $name", ({ isHere, makeUrl }) => {
  describe.skipIf(!isHere)("the report on a fleet", () => {
    let world: ServerWorld;
    let token: string;
    let call: Call;
    beforeAll(async () => {
      ({ world, token, call } = await makeReadyServer("operator", await makeUrl()));
    });
    afterAll(() => world.close());

    test("adds up what agents reported by source, network and day, and who goes where", async () => {
      // A mirror of the site's own has a name too.
      const mirror = { range: "10.3.0.0/16", name: "the mirror", url: "http://mirror.example" };
      const entries = [{ range: "10.1.0.0/16", name: "ua-berlin", url: UA }, mirror];
      await call("PUT /source-list", { entries }, 0);
      const near = {
        rule: "custom",
        name: "ua-berlin",
        url: UA,
        outcome: "delivered",
        bytes: 5_000_000_000,
        ms: 9,
      };
      const far = { rule: "server", url: "http://server", outcome: "delivered", bytes: 2_000_000_000, ms: 9 };
      const agents = [];
      for (const [name, address] of [
        ["ua-berlin", "10.1.0.1"],
        ["b", "10.1.0.2"],
        ["c", "10.1.0.3"],
        ["d", "10.2.0.1"],
      ] as const) {
        agents.push({ ...(await enrolMachine(world, token, { name, addresses: [address] })), address });
      }
      const granted = await call(`PUT /agents/${agents[0]?.id}/update-agent`, { kinds: ["components"] });
      expect(granted.status).toBe(200);
      const installed = [{ bytes: 5_000_000_000, whole: 8_000_000_000 }];
      for (const agent of agents) {
        const attempts = [agent.address.startsWith("10.1.") ? near : far];
        const report = { outcome: "updated", addresses: [agent.address], attempts, installed };
        expect(await reportRun(world, agent, report)).toBe(204);
      }
      world.clock.now += DAY;
      const [last] = agents.slice(-1);
      if (last === undefined) throw new Error("there is an agent");
      await reportRun(world, last, { outcome: "updated", addresses: [last.address], attempts: [far] });
      await keepPlanned(world.context);

      const { status, body } = await call("GET /report");
      expect(status).toBe(200);
      expect(body).toMatchObject({
        agents: 4,
        states: { online: 1, late: 3 },
        domains: [{ domain: "default", states: { online: 1, late: 3 } }],
        withoutSource: 0,
        total: {
          ...{ bytes: 19_000_000_000, far: 4_000_000_000, near: 15_000_000_000 },
          ...{ copies: 5_000_000_000, whole: 31_000_000_000, saved: 22_000_000_000 },
        },
        networks: [
          { network: "10.2.0.0/24", runs: 2, far: 4_000_000_000 },
          { network: "10.1.0.0/24", runs: 3, far: 0, whole: 24_000_000_000 },
        ],
        lines: [
          {
            source: "ua-berlin",
            kind: "update-agent",
            agents: 3,
            bytes: 15_000_000_000,
            ranges: ["10.1.0.0/16"],
          },
          { source: "server", kind: "server", agents: 1, attempts: 2 },
          { source: "the mirror", kind: "url", agents: 0, limit: null, verdict: null },
        ],
      });
      expect(body.days.map(({ far: over }: { far: number }) => over)).toEqual([2_000_000_000, 2_000_000_000]);
      const today = (await call(`GET /report?from=${world.clock.now}`)).body;
      expect(today.total.bytes).toBe(2_000_000_000);
    });

    test("tells what was thrown away from what was delivered, by source, hour and day", async () => {
      world.clock.now += 40 * DAY;
      const agent = await enrolMachine(world, token, { name: "e", addresses: ["10.3.0.9"] });
      const lie = {
        ...{ rule: "custom", name: "the mirror", url: "http://mirror.example", outcome: "failed", ms: 9 },
        ...{ code: "HASH_MISMATCH", bytes: 3_000, wasted: 2_900 },
      };
      const server = { rule: "server", url: "http://server", outcome: "delivered", bytes: 1_000, ms: 9 };
      const report = { outcome: "updated", addresses: ["10.3.0.9"], attempts: [lie, server] };
      expect(await reportRun(world, agent, report)).toBe(204);
      const { body } = await call(`GET /report?from=${world.clock.now}`);
      expect(body.lines.find(({ source }: { source: string }) => source === "the mirror")).toMatchObject({
        ...{ attempts: 1, failed: 1, bytes: 3_000, wasted: 2_900 },
      });
      // What was of use of it is what would have come in any case.
      expect(body.total).toMatchObject({ bytes: 4_000, wasted: 2_900, whole: 1_100 });
      expect(body.total.saved).toBe(100);
      expect(body.networks).toMatchObject([{ network: "10.3.0.0/24", wasted: 2_900 }]);
      expect((await call("GET /traffic")).body.items).toMatchObject([
        { source: "server", bytes: 1_000, wasted: 0 },
        { source: "the mirror", bytes: 3_000, wasted: 2_900 },
      ]);
    });

    test("is on a year and a month at most, and on one day at least", async () => {
      const to = world.clock.now;
      expect((await call(`GET /report?from=${to - 500 * DAY}&to=${to}`)).status).toBe(422);
      expect((await call(`GET /report?from=${to + 2 * DAY}&to=${to}`)).status).toBe(422);
    });
  });
});
