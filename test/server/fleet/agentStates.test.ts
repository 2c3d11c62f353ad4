import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AGENT_STATES, agentStateOf, type StateFacts } from "../../../src/core/fleet/agentState.ts";
import { expectationOf, expectations } from "../../../src/server/fleet/expectations.ts";
import { keepPlanned } from "../../../src/server/fleet/keepPlanned.ts";
import { countStatesOfDomains } from "../../../src/server/store/fleet/agentFilter.ts";
import { databases } from "../../support/databases.ts";
import {
  type Call,
  enrolMachine,
  makeReadyServer,
  reportRun,
  type ServerWorld,
} from "../../support/serverWorld.ts";

const HOUR = 3_600_000;
const UA = "http://ua-berlin.example:21112";
const berlin = { range: "10.1.0.0/16", name: "ua-berlin", url: UA };

describe.for(databases().filter(({ isShared }) => isShared))("on $name", ({ isHere, makeUrl }) => {
  describe.skipIf(!isHere)("the states of agents:", () => {
    let world: ServerWorld;
    let token: string;
    let call: Call;
    beforeAll(async () => {
      ({ world, token, call } = await makeReadyServer("administrator", await makeUrl()));
    });
    afterAll(() => world.close());

    const ids = async (query: string): Promise<string[]> =>
      (await call(`GET /agents?${query}`)).body.items.map(({ name }: { name: string }) => name);
    const attempt = (changes: object = {}) => ({
      ...{ rule: "custom", clause: "1", name: "ua-berlin", url: UA, outcome: "current" },
      ...changes,
    });
    const toServer = { rule: "server", clause: "2", name: undefined, url: "http://server.invalid:21111" };

    test("the database tells every state as the plain function does, under every schedule", async () => {
      const own = await makeReadyServer("administrator", await makeUrl());
      const { context, clock } = own.world;
      await own.call("POST /domains", { name: "daily" });
      await own.call("POST /domains", { name: "hourly" });
      const targets = { domains: ["daily"], agents: [] };
      const settings = { schedule: { interval: 24 * HOUR } };
      await own.call("POST /policies", { name: "daily", targets, settings });
      const { db } = context.database;
      await keepPlanned(context);
      const content = { repository: "content", version: 5, seen_at: clock.now };
      await db.insertInto("publications").values(content).execute();
      clock.now += 72 * HOUR;
      const facts: fc.Arbitrary<StateFacts & { domain: string }> = fc.record({
        domain: fc.constantFrom("default", "daily", "hourly"),
        reportedAt: fc.option(fc.integer({ min: 0, max: 60 }).map((hours) => clock.now - hours * HOUR)),
        failing: fc.boolean(),
        contentVersion: fc.option(fc.integer({ min: 4, max: 6 })),
        settingsVersion: fc.option(fc.integer({ min: 0, max: 4 })),
      });
      const given = fc.sample(facts, { numRuns: 400, seed: 7 });
      for (const [index, each] of given.entries()) {
        const row = { name: `pc-${index}`, search: "", fingerprint: "", secret_hash: `${index}` };
        const more = { addresses: "[]", program: "", created_at: 0, id: `pc-${index}` };
        const told = {
          reported_at: each.reportedAt,
          failing: each.failing ? (1 as const) : (0 as const),
          content_version: each.contentVersion,
          settings_version: each.settingsVersion,
        };
        await db
          .insertInto("agents")
          .values({ ...row, ...more, ...told, domain: each.domain })
          .execute();
      }
      const by = await expectations(context);
      expect(by).toHaveLength(2);
      const stateOf = (each: (typeof given)[number]) => agentStateOf(each, expectationOf(by, each.domain));
      const all = new Set(given.map(stateOf));
      expect(all.size).toBe(AGENT_STATES.length);
      for (const state of AGENT_STATES) {
        const { items, total, states } = (await own.call(`GET /agents?state=${state}&limit=500`)).body;
        const wanted = given.flatMap((each, index) => (stateOf(each) === state ? [`pc-${index}`] : []));
        expect(items.map(({ id }: { id: string }) => id).toSorted()).toEqual(wanted.toSorted());
        expect(items.every((each: { state: string }) => each.state === state)).toBe(true);
        expect([total, states[state]]).toEqual([wanted.length, wanted.length]);
      }
      const counted = await countStatesOfDomains(db, by);
      expect(counted.reduce((sum, { agents }) => sum + agents, 0)).toBe(given.length);
      await own.world.close();
    });

    test("a search lists and counts the same, few found or many, all states or one, page by page", async () => {
      const own = await makeReadyServer("administrator", await makeUrl());
      const { context, clock } = own.world;
      const rows = Array.from({ length: 620 }, (_, index) => {
        const name = `pc-${String(index).padStart(3, "0")}`;
        const more = { fingerprint: "", secret_hash: name, addresses: "[]", program: "", created_at: 0 };
        const told = { reported_at: index % 2 === 0 ? null : clock.now };
        const retired = { retired_at: index % 31 === 0 ? clock.now : null };
        return {
          id: `id-${619 - index}`,
          name,
          search: `${name} 10.1.2.3`,
          domain: "default",
          ...more,
          ...told,
          ...retired,
        };
      });
      await context.database.db.insertInto("agents").values(rows).execute();
      const active = rows.filter(({ retired_at }) => retired_at === null);
      for (const q of ["10.1.2", "pc-1", "pc-007", "pc-9"]) {
        const wanted = active.filter(({ search }) => search.includes(q));
        const silent = wanted.filter(({ reported_at }) => reported_at === null);
        const states = { never: silent.length, online: wanted.length - silent.length };
        for (const [state, those] of [
          ["", wanted],
          ["&state=never", silent],
        ] as const) {
          const listed: string[] = [];
          for (let next: string | null | undefined = ""; next != null; ) {
            const cursor = next === "" ? "" : `&cursor=${encodeURIComponent(next)}`;
            const { body } = await own.call(`GET /agents?q=${q}${state}&limit=40${cursor}`);
            expect(body).toMatchObject({ total: those.length, states });
            listed.push(...body.items.map(({ name }: { name: string }) => name));
            next = body.next;
          }
          expect(listed).toEqual(those.map(({ name }) => name));
        }
      }
      await own.world.close();
    });

    test("whoever goes elsewhere than the order begins is listed, since when, also after the list was saved", async () => {
      const [near, far] = [
        await enrolMachine(world, token, { name: "near", addresses: ["10.1.0.1"] }),
        await enrolMachine(world, token, { name: "far", addresses: ["10.2.0.1"] }),
      ];
      expect((await call("PUT /source-list", { entries: [berlin] }, 0)).status).toBe(200);
      await keepPlanned(world.context);
      await reportRun(world, near, { outcome: "current", attempts: [attempt()] });
      await reportRun(world, far, { outcome: "current", attempts: [attempt(toServer)] });
      expect(await ids("deviates=true")).toEqual([]);
      expect(await ids("deviates=false")).toEqual(["far", "near"]);

      const failed = attempt({ outcome: "failed", code: "CONNECTION_REFUSED" });
      const since = world.clock.now;
      await reportRun(world, near, { outcome: "current", attempts: [failed, attempt(toServer)] });
      world.clock.now += HOUR;
      await reportRun(world, near, { outcome: "current", attempts: [failed, attempt(toServer)] });
      expect(await ids("deviates=true")).toEqual(["near"]);
      const order = (await call(`GET /agents/${near.id}/order`)).body;
      expect([order.deviates, order.since]).toEqual([true, since]);
      expect(order.sentence).toContain(
        `since ${["Sun", "Mon", "Tues", "Wednes", "Thurs", "Fri", "Satur"][new Date(since).getUTCDay()]}day ${new Date(since).toISOString().slice(0, 10)}`,
      );
      expect(order.sentence).toContain("ua-berlin refused connections");
      const [listed] = (await call("GET /agents?deviates=true")).body.items;
      expect(listed.why).toBe(order.sentence);
      expect((await call("GET /agents?q=near")).body.items[0]).not.toHaveProperty("why");
      // Without a policy an agent runs once an hour.
      expect(order.next - world.clock.now).toBeGreaterThan(0);
      expect(order.next - world.clock.now).toBeLessThanOrEqual(HOUR);

      // Another list: what was right is not any more, and the other way round.
      const lyon = { range: "10.2.0.0/16", name: "ua-lyon", url: "http://ua-lyon.example:21112" };
      expect((await call("PUT /source-list", { entries: [lyon] }, 1)).status).toBe(200);
      await keepPlanned(world.context);
      expect(await ids("deviates=true")).toEqual(["far"]);
      expect((await call(`GET /agents/${far.id}`)).body.deviatesSince).toBe(world.clock.now);

      // A machine that has moved has another order.
      await reportRun(world, far, {
        ...{ outcome: "current", addresses: ["10.3.0.1"], attempts: [attempt(toServer)] },
      });
      await keepPlanned(world.context);
      expect(await ids("deviates=true")).toEqual([]);
    });

    test("an agent whose last run went by an older list does not deviate from the one in force, and is said to have it still", async () => {
      const own = await makeReadyServer("administrator", await makeUrl());
      const deviating = async () => (await own.call("GET /agents?deviates=true")).body.total;
      const away = await enrolMachine(own.world, own.token, { name: "away", addresses: ["10.1.0.1"] });
      const report = (version: number, attempts: object[], from = "cache") =>
        reportRun(own.world, away, { outcome: "current", sourceList: { version, from }, attempts });
      const lyon = { range: "10.1.0.0/16", name: "ua-lyon", url: "http://ua-lyon.example:21112" };
      await own.call("PUT /source-list", { entries: [lyon] }, 0);
      await keepPlanned(own.world.context);
      await report(1, [attempt({ name: "ua-lyon", url: lyon.url })]);
      await own.call("PUT /source-list", { entries: [berlin] }, 1);
      await keepPlanned(own.world.context);
      const sentence = async () => (await own.call(`GET /agents/${away.id}/order`)).body;
      expect(await deviating()).toBe(0);
      expect(await sentence()).toMatchObject({
        deviates: false,
        sentence: "ua-berlin is first by clause 1; its last run had list version 1 still, 2 is in force",
      });
      // A report that was on its way, and one by a list that is a file of its own.
      await report(1, [attempt({ name: "ua-lyon", url: lyon.url })]);
      expect(await deviating()).toBe(0);
      await report(1, [attempt({ name: "ua-lyon", url: lyon.url })], "file");
      expect(await deviating()).toBe(1);
      await report(2, [attempt(toServer)]);
      expect([await deviating(), (await sentence()).deviates]).toEqual([1, true]);
      // It went elsewhere than that list said; by the next it has not gone yet.
      await own.call("PUT /source-list", { entries: [lyon] }, 2);
      await keepPlanned(own.world.context);
      expect([await deviating(), (await sentence()).deviates]).toEqual([0, false]);
      await own.world.close();
    });

    test("an agent whose clock is years ahead is late like any other, and its next report counts", async () => {
      const agent = await enrolMachine(world, token, { name: "clock" });
      const ahead = "2055-01-01T00:00:00.000Z";
      await reportRun(world, agent, { outcome: "current" }, { started: ahead, ended: ahead });
      expect((await call(`GET /agents/${agent.id}`)).body).toMatchObject({
        reportedAt: world.clock.now,
        state: "online",
      });
      world.clock.now += 3 * HOUR;
      expect(await ids("state=late&q=clock")).toEqual(["clock"]);
      await reportRun(world, agent, { outcome: "exhausted" });
      expect((await call(`GET /agents/${agent.id}`)).body).toMatchObject({ state: "failing" });
    });

    test("agents are found by their role, and carry it", async () => {
      const agent = await enrolMachine(world, token, { name: "ua" });
      await call(`PUT /agents/${agent.id}/update-agent`, { kinds: ["components"] });
      expect(await ids("role=update-agent")).toEqual(["ua"]);
      expect(await ids("role=agent&q=ua")).toEqual([]);
      expect((await call(`GET /agents/${agent.id}`)).body.role).toBe("update-agent");
    });

    test("an agent says how much space it has, and what it holds", async () => {
      const agent = await enrolMachine(world, token, { name: "space" });
      const facts = { freeBytes: 5_000_000_000, uptime: 5, held: { content: 4, settings: 2 } };
      await reportRun(world, agent, { outcome: "current" }, facts);
      expect((await call(`GET /agents/${agent.id}`)).body).toMatchObject({
        ...{ freeBytes: 5_000_000_000, contentVersion: 4, settingsVersion: 2 },
      });
    });
  });
});
