import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { askEvery } from "../../../src/core/fleet/notification/hold.ts";
import { SYNC_BOUND } from "../../../src/core/fleet/notification/spread.ts";
import { SILENCE } from "../../../src/core/fleet/notification/told.ts";
import { Notifier } from "../../../src/server/notify/notifier.ts";
import { databases } from "../../support/databases.ts";
import {
  asScript,
  callApi,
  makeReadyServer,
  openServer,
  type ServerWorld,
} from "../../support/serverWorld.ts";
import { type TellableAgent, tellableAgents } from "../../support/tellableAgents.ts";

describe.for(databases().filter(({ isShared }) => isShared))("with $name,", ({ isHere, makeUrl }) => {
  describe.skipIf(!isHere)("notifications:", () => {
    let world: ServerWorld;
    let operator: string;
    let notifier: Notifier;
    beforeEach(async () => {
      ({ world, token: operator } = await makeReadyServer("administrator", await makeUrl()));
      notifier = new Notifier(world.context);
    });
    afterEach(async () => {
      await notifier.close();
      await world.close();
    });

    type Given = Parameters<typeof tellableAgents>[2][number];
    async function fleetOf(...given: Given[]): Promise<TellableAgent[]> {
      const agents = await tellableAgents(world, operator, given);
      onTestFinished(async () => {
        await Promise.all(agents.map((each) => each.close()));
      });
      return agents;
    }

    const notify = async (target: object = { all: true }) => {
      const { status, body } = await callApi(world, operator, "POST /notifications", { target });
      expect(status).toBe(201);
      return body.id as string;
    };
    const look = async (id: string) => (await callApi(world, operator, `GET /notifications/${id}`)).body;

    /** Lets the notifier do all that is due at a time that is so much (ms) later. */
    const pass = async (milliseconds = 0) => {
      world.clock.now += milliseconds;
      for (let step = 0; step < 4; step++) {
        await notifier.step();
        await notifier.settled();
      }
    };

    /** The same until the whole window of a small fleet is over. */
    const tellAll = async () => {
      await pass();
      await pass(60_000);
    };

    const grant = (id: string) =>
      callApi(world, operator, `PUT /agents/${id}/update-agent`, { kinds: ["components"] });

    describe("notify all", () => {
      test("tells agents by their port what is signed, and counts them by what they report", async () => {
        const agents = await fleetOf(
          { name: "pc-1", address: "127.0.0.11" },
          { name: "pc-2", address: "127.0.0.12" },
          { name: "pc-3", address: "127.0.0.13" },
        );
        const [one, two, three] = agents as [TellableAgent, TellableAgent, TellableAgent];
        const id = await notify();
        expect((await look(id)).counts).toMatchObject({ waiting: 3, running: 0 });
        await tellAll();
        expect(agents.map(({ heard }) => heard.length)).toEqual([1, 1, 1]);
        expect(JSON.parse(one.heard[0] ?? "")).toEqual(world.context.trees.newest());
        expect(await look(id)).toMatchObject({ state: "told", counts: { waiting: 0, running: 3 } });
        await one.report();
        await two.report({ outcome: "exhausted" });
        await three.report({ code: "DISK_FULL" });
        await pass();
        expect(await look(id)).toMatchObject({ state: "ended", counts: { running: 0, done: 1, failed: 2 } });
        const failed = await callApi(world, operator, `GET /notifications/${id}/agents?state=failed`);
        expect(failed.body.items.map(({ name, code }: Record<string, string>) => [name, code])).toEqual([
          ["pc-2", "exhausted"],
          ["pc-3", "DISK_FULL"],
        ]);
      });

      test("tells Update Agents first, and the others once those have reported", async () => {
        const [relay, pc] = (await fleetOf(
          { name: "ua", address: "127.0.0.11" },
          { name: "pc", address: "127.0.0.12" },
        )) as [TellableAgent, TellableAgent];
        expect((await grant(relay.id)).status).toBe(200);
        const id = await notify();
        await pass(SYNC_BOUND - 1);
        expect([relay.heard.length, pc.heard.length]).toEqual([1, 0]);
        expect(await look(id)).toMatchObject({ state: "update-agents", counts: { waiting: 1, running: 1 } });
        await relay.report();
        await pass();
        expect([relay.heard.length, pc.heard.length]).toEqual([1, 1]);
      });

      test("waits for an Update Agent that says nothing until the bound, and for one that is off not at all", async () => {
        const [silent, , pc] = (await fleetOf(
          { name: "ua-silent", address: "127.0.0.11" },
          { name: "ua-off", address: "127.0.0.12", isOff: true },
          { name: "pc", address: "127.0.0.13" },
        )) as [TellableAgent, TellableAgent, TellableAgent];
        const off = (await callApi(world, operator, "GET /agents?q=ua-off")).body.items[0].id;
        await grant(off);
        const id = await notify();
        await pass();
        expect(await look(id)).toMatchObject({ counts: { unreachable: 1 }, state: "spreading" });
        await pass(SYNC_BOUND);
        expect([silent.heard.length, pc.heard.length]).toEqual([1, 1]);
        await grant(silent.id);
        await notify();
        await pass();
        expect(pc.heard).toHaveLength(1);
        await pass(SYNC_BOUND);
        expect(pc.heard).toHaveLength(2);
      });

      test("says for whom the others wait, and until when, and tells them now where somebody says so", async () => {
        const [relay, pc] = (await fleetOf(
          { name: "ua", address: "127.0.0.11" },
          { name: "pc", address: "127.0.0.12" },
        )) as [TellableAgent, TellableAgent];
        await grant(relay.id);
        const id = await notify();
        const until = world.clock.now + SYNC_BOUND;
        await pass(1_000);
        const waitsFor = { agents: [{ id: relay.id, name: "ua" }], total: 1, until };
        expect(await look(id)).toMatchObject({ state: "update-agents", waitsFor });
        const answer = await callApi(world, operator, `POST /notifications/${id}/tell-others`);
        expect([answer.status, answer.body.state, answer.body.waitsFor]).toEqual([200, "spreading", null]);
        await pass();
        expect([relay.heard.length, pc.heard.length]).toEqual([1, 1]);
        // Once more says so again, and does nothing.
        expect((await callApi(world, operator, `POST /notifications/${id}/tell-others`)).status).toBe(200);
        const audit = (await callApi(world, operator, "GET /audit")).body.items;
        expect(audit.filter((each: { operation: string }) => each.operation === "tellOthers")).toMatchObject([
          { subject: id },
        ]);
      });

      test("waits no longer for an Update Agent that asked until it died, before it was told or after", async () => {
        const [relay, other] = (await fleetOf(
          { name: "ua", address: "127.0.0.11", isOff: true },
          { name: "ua-2", address: "127.0.0.13", isOff: true },
        )) as [TellableAgent, TellableAgent];
        await grant(relay.id);
        const ask = (agent: TellableAgent, version: number) =>
          world.agents.inject(
            asScript(
              { method: "GET", url: `/v1/agents/${agent.id}/notifications?settings=${version}` },
              agent.secret,
            ),
          );
        // Its request is answered, and no other follows.
        expect((await ask(relay, 0)).statusCode).toBe(200);
        const first = await notify();
        await pass();
        await pass(30_000);
        expect((await look(first)).waitsFor).toMatchObject({ agents: [{ name: "ua" }] });
        await pass(askEvery(50));
        expect((await look(first)).waitsFor).toBeNull();
        // The other one is told, and dies before its run ends.
        await callApi(world, operator, `DELETE /agents/${relay.id}/update-agent`);
        await grant(other.id);
        expect((await ask(other, 0)).statusCode).toBe(200);
        const second = await notify();
        await pass();
        expect((await ask(other, 0)).statusCode).toBe(200);
        const held = ask(other, world.context.trees.versions().settings ?? 0);
        await expect.poll(async () => (await look(second)).counts).toMatchObject({ running: 1 });
        world.context.polls.close();
        expect((await held).statusCode).toBe(204);
        await pass(30_000);
        expect(await look(second)).toMatchObject({ state: "update-agents", waitsFor: { total: 1 } });
        await pass(askEvery(50));
        expect((await look(second)).waitsFor).toBeNull();
      });

      test("spreads the others over the window", async () => {
        const agents = await fleetOf(
          ...Array.from({ length: 6 }, (_, index) => ({ name: `pc-${index}`, address: `127.0.0.2${index}` })),
        );
        const id = await notify();
        await world.context.database.db.updateTable("notifications").set({ spread_window: 60_000 }).execute();
        const told = () => agents.filter(({ heard }) => heard.length > 0).length;
        await pass();
        const seen = [told()];
        for (let moment = 0; moment < 6; moment++) {
          await pass(10_000);
          seen.push(told());
        }
        expect(seen).toEqual([1, 2, 3, 4, 5, 6, 6]);
        expect((await look(id)).counts).toMatchObject({ running: 6 });
      });

      test("fails those that were told and say nothing, until they do", async () => {
        const [pc] = (await fleetOf({ name: "pc", address: "127.0.0.11" })) as [TellableAgent];
        const [other] = (await fleetOf({ name: "off", address: "127.0.0.12", isOff: true })) as [
          TellableAgent,
        ];
        const id = await notify();
        await tellAll();
        await pass(SILENCE + 60_000);
        const failed = await callApi(world, operator, `GET /notifications/${id}/agents?state=failed`);
        expect(failed.body.items).toMatchObject([{ name: "pc", code: "SILENT" }]);
        await pc.report();
        expect((await look(id)).counts).toMatchObject({ done: 1, failed: 0, unreachable: 1 });
        expect(other.heard).toEqual([]);
      });

      test("takes an agent that has reported a run since the publication for done", async () => {
        const [pc] = (await fleetOf({ name: "pc", address: "127.0.0.11" })) as [TellableAgent];
        const first = await notify();
        await tellAll();
        await pc.report();
        expect(await look(first)).toMatchObject({ counts: { done: 1 }, current: 0 });
        const id = await notify();
        await tellAll();
        // It answered that it knows; its last run was after the publication.
        expect(pc.heard).toHaveLength(1);
        const domains = [{ domain: "default", counts: { done: 1 }, current: 1 }];
        expect(await look(id)).toMatchObject({ counts: { done: 1, running: 0 }, current: 1, domains });
      });

      test("is not settled by the report of a run that began before", async () => {
        const [pc] = (await fleetOf({ name: "pc", address: "127.0.0.11" })) as [TellableAgent];
        const id = await notify();
        await tellAll();
        await pc.report({ trigger: "schedule", started: world.clock.now - 120_000 });
        expect((await look(id)).counts).toMatchObject({ running: 1, done: 0 });
        await pc.report({ trigger: "notify" });
        expect((await look(id)).counts).toMatchObject({ running: 0, done: 1 });
      });
    });

    describe("an agent that cannot be reached", () => {
      test("is said by name with its reason, page by page, and tried again until it answers", async () => {
        const agents = await fleetOf(
          { name: "off-1", address: "127.0.0.11", isOff: true },
          { name: "off-2", address: "127.0.0.12", isOff: true },
          { name: "pc", address: "127.0.0.13" },
        );
        const id = await notify();
        await pass();
        await pass(1_000);
        const first = (await callApi(world, operator, `GET /notifications/${id}?limit=1`)).body;
        expect(first.counts).toMatchObject({ unreachable: 2, running: 1 });
        expect(first.unreachable).toMatchObject({
          total: 2,
          items: [{ name: "off-1", code: "CONNECTION_REFUSED", attempts: 1 }],
        });
        const next = await callApi(
          world,
          operator,
          `GET /notifications/${id}?limit=1&cursor=${first.unreachable.next}`,
        );
        expect(next.body.unreachable).toMatchObject({ items: [{ name: "off-2" }], next: null });
        await pass(60_000);
        expect(
          (await look(id)).unreachable.items.map(({ attempts }: { attempts: number }) => attempts),
        ).toEqual([2, 2]);
        expect(agents[2]?.heard).toHaveLength(1);
        // Its own run, begun by its schedule, is as good.
        await agents[0]?.report({ trigger: "schedule" });
        expect((await look(id)).counts).toMatchObject({ unreachable: 1, done: 1 });
        await pass(86_400_000);
        await pass(86_400_000);
        expect(await look(id)).toMatchObject({ state: "ended", counts: { unreachable: 1 } });
      });
    });

    describe("an agent that asks", () => {
      const poll = (agent: TellableAgent, versions: string) => {
        const request = { method: "GET", url: `/v1/agents/${agent.id}/notifications?${versions}` } as const;
        return world.agents.inject(asScript(request, agent.secret));
      };

      test("gets its answer when it is its turn, at once, is never pushed to, and never unreachable", async () => {
        const [relay, pc] = (await fleetOf(
          { name: "ua", address: "127.0.0.11" },
          { name: "laptop", address: "127.0.0.12", isOff: true },
        )) as [TellableAgent, TellableAgent];
        await grant(relay.id);
        const id = await notify();
        const answer = poll(pc, "content=0&settings=0");
        await pass();
        expect((await look(id)).counts).toMatchObject({ waiting: 1, running: 1 });
        await relay.report();
        await pass();
        const { statusCode, headers, json } = await answer;
        expect([statusCode, headers["nearsource-hold"]]).toEqual([200, "50"]);
        expect(json()).toEqual(world.context.trees.newest());
        expect((await look(id)).counts).toMatchObject({ notified: 1, done: 1, unreachable: 0 });
        // It asks again with what it has verified: its run follows.
        const { settings } = world.context.trees.versions();
        const held = poll(pc, `settings=${settings}`);
        await expect.poll(async () => (await look(id)).counts.running).toBe(1);
        await pc.report();
        expect((await look(id)).counts).toMatchObject({ done: 2 });
        world.context.polls.close();
        expect((await held).statusCode).toBe(204);
      });

      test("lately and died, which holds no request, is not counted as told, and is unreachable in the end", async () => {
        const [pc] = (await fleetOf({ name: "laptop", address: "127.0.0.12", isOff: true })) as [
          TellableAgent,
        ];
        expect((await poll(pc, "settings=0")).statusCode).toBe(200);
        const id = await notify();
        await pass();
        await pass(60_000);
        expect((await look(id)).counts).toMatchObject({ waiting: 1, notified: 0 });
        await pass(900_000);
        expect((await look(id)).counts).toMatchObject({ waiting: 0, notified: 0, unreachable: 1 });
        const found = await callApi(world, operator, `GET /notifications/${id}/agents?state=unreachable`);
        expect(found.body.items).toMatchObject([{ name: "laptop" }]);
      });

      test("lately and lives, which holds no request at its turn, is told when it asks again", async () => {
        const [pc] = (await fleetOf({ name: "laptop", address: "127.0.0.12", isOff: true })) as [
          TellableAgent,
        ];
        expect((await poll(pc, "settings=0")).statusCode).toBe(200);
        const id = await notify();
        await pass();
        world.clock.now += 5_000;
        expect((await poll(pc, "settings=0")).statusCode).toBe(200);
        expect((await look(id)).counts).toMatchObject({ waiting: 0, notified: 1 });
        await pass(60_000);
        expect((await look(id)).counts).toMatchObject({ notified: 1, unreachable: 0 });
      });

      test("after it could not be reached is told then", async () => {
        const [pc] = (await fleetOf({ name: "laptop", address: "127.0.0.12", isOff: true })) as [
          TellableAgent,
        ];
        const id = await notify();
        await pass();
        await pass();
        expect((await look(id)).counts).toMatchObject({ unreachable: 1 });
        expect((await poll(pc, "settings=0")).statusCode).toBe(200);
        expect((await look(id)).counts).toMatchObject({ unreachable: 0, notified: 1 });
      });
    });

    test("an Update Agent that asked, and asks no longer, is said to be lost since; none that never did, or does again", async () => {
      const [relay, other] = (await fleetOf(
        { name: "ua", address: "127.0.0.11" },
        { name: "ua-2", address: "127.0.0.12" },
      )) as [TellableAgent, TellableAgent];
      for (const { id } of [relay, other]) await grant(id);
      const lost = async () =>
        (await callApi(world, operator, "GET /update-agents")).body.items.map(
          ({ lostAt }: { lostAt: number | null }) => lostAt,
        );
      const ask = () =>
        world.agents.inject(
          asScript({ method: "GET", url: `/v1/agents/${relay.id}/notifications?settings=0` }, relay.secret),
        );
      await ask();
      await pass();
      const since = world.clock.now;
      await pass(askEvery(50));
      expect(await lost()).toEqual([null, null]);
      await pass(1_000);
      expect((await lost()).toSorted()).toEqual([since, null]);
      await ask();
      expect(await lost()).toEqual([null, null]);
    });

    test("the wish that agents run has one that asks run though it has all there is, once, and awaits its report", async () => {
      const [pc] = (await fleetOf({ name: "laptop", address: "127.0.0.12", isOff: true })) as [TellableAgent];
      const ask = () => {
        const { settings } = world.context.trees.versions();
        const url = `/v1/agents/${pc.id}/notifications?settings=${settings}`;
        return world.agents.inject(asScript({ method: "GET", url }, pc.secret));
      };
      const held = ask();
      await expect.poll(() => world.context.polls.size).toBe(1);
      const made = await callApi(world, operator, "POST /notifications", {
        target: { all: true },
        run: true,
      });
      expect([made.status, made.body.run]).toEqual([201, true]);
      await pass();
      const { statusCode, headers } = await held;
      expect([statusCode, headers["nearsource-run"]]).toEqual([204, "now"]);
      expect((await look(made.body.id)).counts).toMatchObject({ notified: 1, done: 0 });
      // It asks again, and is not asked again.
      const next = ask();
      await expect.poll(async () => (await look(made.body.id)).counts).toMatchObject({ running: 1 });
      await pc.report();
      await pass();
      expect(await look(made.body.id)).toMatchObject({ state: "ended", counts: { done: 1 }, current: 0 });
      world.context.polls.close();
      expect((await next).headers).not.toHaveProperty("nearsource-run");
    });

    describe("a second notification", () => {
      test("takes over those whom the first has not told, and tells them first; the first ends with its own", async () => {
        const [relay, told, ...rest] = (await fleetOf(
          { name: "ua", address: "127.0.0.11" },
          { name: "pc-1", address: "127.0.0.12" },
          { name: "pc-2", address: "127.0.0.13" },
          { name: "off", address: "127.0.0.14", isOff: true },
        )) as [TellableAgent, TellableAgent, ...TellableAgent[]];
        const first = await notify({ agents: [told.id, rest[0]?.id, rest[1]?.id] });
        await pass();
        const before = (await look(first)).counts;
        expect(before.waiting + before.running + before.unreachable).toBe(3);
        const second = await notify({ agents: [relay.id] });
        const absorbed = await look(first);
        expect(absorbed).toMatchObject({
          state: "absorbed",
          absorbedBy: second,
          counts: { waiting: 0, unreachable: 0 },
        });
        expect((await look(second)).counts.waiting).toBe(1 + before.waiting + before.unreachable);
        await tellAll();
        await pass();
        const heard = [relay, told, rest[0]].map((each) => each?.heard.length);
        expect(heard).toEqual([1, 1, 1]);
        for (const each of [relay, told, rest[0]]) await each?.report();
        await pass();
        expect((await look(first)).endedAt).not.toBeNull();
        expect((await look(second)).unreachable.items).toMatchObject([{ name: "off" }]);
      });

      test("at the same moment as another leaves one that tells agents", async () => {
        await fleetOf({ name: "pc", address: "127.0.0.11" });
        const ids = await Promise.all([notify(), notify(), notify()]);
        const states = await Promise.all(ids.map(async (id) => (await look(id)).state));
        expect(states.toSorted()).toEqual(["absorbed", "absorbed", "update-agents"]);
      });
    });

    describe("a server that is killed", () => {
      test("in the middle leaves the rest to the next one, and nobody is told twice", async () => {
        const agents = await fleetOf(
          ...Array.from({ length: 6 }, (_, index) => ({ name: `pc-${index}`, address: `127.0.0.2${index}` })),
        );
        const id = await notify();
        await world.context.database.db.updateTable("notifications").set({ spread_window: 60_000 }).execute();
        await pass();
        await pass(20_000);
        expect(agents.filter(({ heard }) => heard.length > 0)).toHaveLength(3);
        await agents.find(({ heard }) => heard.length > 0)?.report();
        // What it took and had no time to tell is in nobody's memory.
        const { now } = world.clock;
        await world.context.database.db
          .updateTable("told")
          .set({ next_at: now + 30_000, told_at: now })
          .where("agent_id", "=", agents.find(({ heard }) => heard.length === 0)?.id ?? "")
          .execute();
        await world.stop();
        world = await openServer(world.dir, world.token);
        world.clock.now = now;
        notifier = new Notifier(world.context);
        await pass(40_000);
        await pass();
        expect(agents.map(({ heard }) => heard.length)).toEqual([1, 1, 1, 1, 1, 1]);
        expect(await look(id)).toMatchObject({ state: "told", counts: { running: 5, done: 1 } });
      });
    });

    test("two servers on one database tell each agent once", async () => {
      const agents = await fleetOf(
        ...Array.from({ length: 12 }, (_, index) => ({ name: `pc-${index}`, address: `127.0.1.${index}` })),
      );
      const id = await notify();
      const other = new Notifier(world.context);
      onTestFinished(() => other.close());
      await pass();
      world.clock.now += 60_000;
      for (let step = 0; step < 3; step++) {
        await Promise.all([notifier.step(), other.step()]);
        await Promise.all([notifier.settled(), other.settled()]);
      }
      expect(agents.flatMap(({ verdicts }) => verdicts)).toEqual(agents.map(() => "new"));
      expect((await look(id)).counts).toMatchObject({ running: 12 });
    });

    describe("a notification's target", () => {
      test("is all, a domain, or agents by name; an unknown one is refused, with what is unknown", async () => {
        await callApi(world, operator, "POST /domains", { name: "berlin" });
        const [one] = await fleetOf(
          { name: "pc-1", address: "127.0.0.11", domain: "berlin" },
          { name: "pc-2", address: "127.0.0.12" },
        );
        const id = await notify({ domain: "berlin" });
        expect((await look(id)).counts.waiting).toBe(1);
        for (const [target, said] of [
          [{ domain: "paris" }, "there is no domain paris: GET /domains lists them, POST /domains makes one"],
          [
            { agents: [one?.id, "nobody"] },
            "1 of the agents are not there: leave them out; GET /agents lists those there are",
          ],
        ] as const) {
          const { status, body } = await callApi(world, operator, "POST /notifications", { target });
          expect([status, body.detail]).toEqual([422, said]);
        }
        for (const target of [{}, { all: false }, { all: true, domain: "berlin" }, { agents: [] }]) {
          expect((await callApi(world, operator, "POST /notifications", { target })).status).toBe(400);
        }
        const list = await callApi(world, operator, "GET /notifications");
        expect(list.body.items.map((each: { id: string }) => each.id)).toEqual([id]);
      });
    });

    describe("the events of a notification", () => {
      test("say hello with all of it, and whenever it has changed", async () => {
        const [pc] = (await fleetOf({ name: "pc", address: "127.0.0.11" })) as [TellableAgent];
        const id = await notify();
        const url = `/api/v1/notifications/${id}/events`;
        const { statusCode, headers, ...answer } = await world.people.inject({
          ...asScript({ method: "GET", url }, operator),
          payloadAsStream: true,
        });
        expect([statusCode, headers["content-type"]]).toEqual([200, "text/event-stream"]);
        let text = "";
        answer.stream().on("data", (piece: Buffer) => {
          text += piece;
        });
        const events = () =>
          [...text.matchAll(/event: (\w+)\ndata: (.*)\n\n/g)].map(([, name, data]) => [
            name,
            JSON.parse(data ?? "").counts,
          ]);
        await expect.poll(events).toMatchObject([["hello", { waiting: 1 }]]);
        await tellAll();
        await expect.poll(events, { timeout: 10_000 }).toMatchObject([
          ["hello", {}],
          ["changed", { running: 1 }],
        ]);
        await pc.report();
        await expect.poll(() => events().at(-1), { timeout: 10_000 }).toMatchObject(["changed", { done: 1 }]);
        world.context.streams.close();
        await new Promise((ended) => answer.stream().once("end", ended));
      });
    });
  });
});
