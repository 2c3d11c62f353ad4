import { createHash } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { readToken } from "../../../src/core/fleet/enrolmentToken.ts";
import { metricsOf } from "../../../src/server/metrics/metricsPage.ts";
import { healthOf } from "../../../src/server/serverHealth.ts";
import { transact } from "../../../src/server/store/transaction.ts";
import { raiseEvent } from "../../../src/server/watch/raiseEvent.ts";
import { WebhookSender } from "../../../src/server/watch/webhookSender.ts";
import { databases } from "../../support/databases.ts";
import { type Receiver, startReceiver } from "../../support/receiver.ts";
import {
  asBrowser,
  callApi,
  enrolMachine,
  makeServer,
  openServer,
  type ServerWorld,
  tokenOf,
} from "../../support/serverWorld.ts";

describe.for(databases().filter(({ isShared }) => isShared))("with $name,", ({ name, isHere, makeUrl }) => {
  describe.skipIf(!isHere)("webhooks:", () => {
    let world: ServerWorld;
    let token: string;
    let sender: WebhookSender;
    let receiver: Receiver;

    beforeEach(async () => {
      world = await makeServer(await makeUrl(), { webhooks: { allow: ["127.0.0.1"] } });
      const payload = { token: world.token, user: "ada", password: "correct horse battery" };
      await world.people.inject(asBrowser({ method: "POST", url: "/api/v1/setup", payload }));
      token = await tokenOf(world, "administrator");
      sender = new WebhookSender(world.context);
      receiver = await startReceiver();
    });
    afterEach(async () => {
      await sender.close();
      await receiver.close();
      await world.close();
    });

    const make = async (events: string[] = [], url = receiver.url) => {
      const made = await callApi(world, token, "POST /webhooks", { name: "chat", url, events });
      expect(made.status).toBe(201);
      return made.body as { id: string; secret: string };
    };
    const raise = (subject = "rules 12") =>
      transact(world.context.database.db, (tx) =>
        raiseEvent(tx, world.context, { type: "release.halted", subject, message: "3 of 10 failed" }),
      );
    /** Sends all that is due, by the one sender or by others. */
    const send = async (by: WebhookSender[] = [sender]) => {
      for (let step = 0; step < 4; step++) {
        const sendAll = async (each: WebhookSender) => {
          await each.step();
          await each.settled();
        };
        // Two transactions of one process on one SQLite file would wait for each other.
        if (name === "PostgreSQL") await Promise.all(by.map(sendAll));
        else for (const each of by) await sendAll(each);
      }
    };
    const deliveries = async (id: string) =>
      (await callApi(world, token, `GET /webhooks/${id}/deliveries`)).body.items;
    const webhook = async (id: string) =>
      (await callApi(world, token, "GET /webhooks")).body.items.find(
        (each: { id: string }) => each.id === id,
      );

    test("an event is sent signed as Standard Webhooks has it, to those that want it, and no secret is shown again", async () => {
      const { id, secret } = await make(["release.halted"]);
      const other = await make(["expiry.ahead"]);
      await raise();
      await send();
      expect(receiver.received).toHaveLength(1);
      expect(receiver.events(secret)[0]).toMatchObject({
        type: "release.halted",
        data: { subject: "rules 12", message: "3 of 10 failed" },
      });
      expect(() => receiver.events(other.secret)).toThrow();
      expect(await deliveries(id)).toMatchObject([{ state: "delivered", attempts: 1, code: null }]);
      expect(await deliveries(other.id)).toEqual([]);
      expect(await webhook(id)).not.toHaveProperty("secret");
      const { secret: kept } = await world.context.database.db
        .selectFrom("webhooks")
        .select("secret")
        .where("id", "=", id)
        .executeTakeFirstOrThrow();
      expect(Buffer.from(kept, "base64url").includes(Buffer.from(secret.slice(6), "base64"))).toBe(false);
      expect(kept).not.toContain(secret.slice(6));
    });

    test("a secret that was renewed signs from then on", async () => {
      const { id, secret } = await make();
      const { body } = await callApi(world, token, `POST /webhooks/${id}/secret`);
      await raise();
      await send();
      expect(receiver.events(body.secret)).toHaveLength(1);
      expect(() => receiver.events(secret)).toThrow();
    });

    test("an event is there if its cause is, and not if its cause was taken back", async () => {
      await make();
      const failed = transact(world.context.database.db, async (tx) => {
        await raiseEvent(tx, world.context, { type: "release.halted", subject: "x", message: "x" });
        throw new Error("taken back");
      });
      await expect(failed).rejects.toThrow("taken back");
      await send();
      expect(receiver.received).toEqual([]);
    });

    test("what is not taken is sent again with the same id, ever more seldom, and Retry-After is kept to", async () => {
      const { id, secret } = await make();
      receiver.answer = { status: 503, headers: { "retry-after": "600" } };
      await raise();
      await send();
      const [first] = await deliveries(id);
      expect(first).toMatchObject({ state: "waiting", attempts: 1, code: "HTTP_503" });
      expect(first.nextAt - world.clock.now).toBe(600_000);
      expect((await webhook(id)).failingSince).toBe(world.clock.now);
      await send();
      expect(receiver.received).toHaveLength(1);
      receiver.answer = { status: 200 };
      world.clock.now += 600_000;
      await send();
      // The library takes no signature of another time than now.
      const [one, again] = receiver.received;
      expect(again?.headers["webhook-id"]).toBe(one?.headers["webhook-id"]);
      expect(again?.body).toBe(one?.body);
      const key = new Webhook(secret);
      const at = new Date(Number(again?.headers["webhook-timestamp"]) * 1_000);
      expect(key.sign(again?.headers["webhook-id"] ?? "", at, again?.body ?? "")).toBe(
        again?.headers["webhook-signature"],
      );
      expect(await deliveries(id)).toMatchObject([{ state: "delivered", attempts: 2 }]);
      expect((await webhook(id)).failingSince).toBeNull();
    });

    test("a webhook to which nothing was delivered for a day is given up, which the API says; switched on, it starts afresh", async () => {
      const { id } = await make();
      receiver.answer = { status: 500 };
      await raise();
      for (let hour = 0; hour < 30; hour++) {
        await sender.step();
        await sender.settled();
        world.clock.now += 3_600_000;
      }
      expect(await webhook(id)).toMatchObject({
        disabledAt: expect.any(Number),
        disabledReason: "nothing could be delivered for a day: HTTP_500",
      });
      expect(await deliveries(id)).toMatchObject([{ state: "failed" }]);
      expect(await healthOf(world.context)).toMatchObject({ ok: true, ailing: ["webhooks"] });
      const before = receiver.received.length;
      expect(before).toBeGreaterThan(10);
      await raise("another");
      await send();
      expect(receiver.received).toHaveLength(before);
      expect((await callApi(world, token, `POST /webhooks/${id}/test`)).body.code).toBe("CONFLICT");
      receiver.answer = { status: 200 };
      await callApi(world, token, `PATCH /webhooks/${id}`, { enabled: true });
      expect(await webhook(id)).toMatchObject({ disabledAt: null, disabledReason: null, failingSince: null });
      await raise("a third");
      await send();
      expect(receiver.received).toHaveLength(before + 1);
    });

    test("events beyond those that may wait for one webhook are counted, said to the others at once, and to itself when it takes some again", async () => {
      const down = await make(["release.halted", "limit.reached"]);
      const other = await startReceiver();
      onTestFinished(() => other.close());
      const ops = await make(["limit.reached"], other.url);
      receiver.answer = { status: 500 };
      const [first, { now }] = [world.clock.now, world.clock];
      await transact(world.context.database.db, async (tx) => {
        for (let index = 0; index < 1_000; index++) {
          const event = { type: "release.halted", subject: `rules ${index}`, message: "m" } as const;
          await raiseEvent(tx, world.context, event);
        }
      });
      expect(await webhook(down.id)).toMatchObject({ dropped: 0, droppedSince: null, droppedLast: null });
      world.clock.now = first + 5_000;
      await raise("rules 1000");
      world.clock.now = first + 9_000;
      await raise("rules 1001");
      // With the word of that itself, which is not kept either.
      const dropped = { dropped: 3, droppedSince: first + 5_000, droppedLast: first + 9_000 };
      expect(await webhook(down.id)).toMatchObject(dropped);
      expect(await webhook(ops.id)).toMatchObject({ dropped: 0 });
      await send();
      const said = other.events(ops.secret);
      expect(said).toHaveLength(1);
      expect(said[0]).toMatchObject({ type: "limit.reached", data: { webhook: down.id } });
      const { body } = await metricsOf(world.context);
      expect(body).toContain("nearsource_server_webhook_events_dropped 3");

      receiver.answer = { status: 200 };
      world.clock.now = now + 3_600_000;
      await send([sender]);
      const { db } = world.context.database;
      const own = await db
        .selectFrom("deliveries")
        .innerJoin("events", "events.id", "deliveries.event_id")
        .select(["body", "subject"])
        .where("webhook_id", "=", down.id)
        .where("type", "=", "limit.reached")
        .execute();
      expect(own.map(({ body }) => JSON.parse(body).data)).toMatchObject([
        { webhook: down.id, dropped: 3, since: first + 5_000, last: first + 9_000 },
      ]);
      expect(await webhook(down.id)).toMatchObject(dropped);
      await callApi(world, token, `PATCH /webhooks/${down.id}`, { enabled: true });
      expect(await webhook(down.id)).toMatchObject({ dropped: 0, droppedSince: null });
    });

    test("one that says it is gone is told of nothing more", async () => {
      const { id } = await make();
      receiver.answer = { status: 410 };
      await raise();
      await raise("another");
      await send();
      expect(receiver.received).toHaveLength(1);
      expect(await webhook(id)).toMatchObject({ disabledReason: "it answered 410 Gone" });
      expect((await deliveries(id)).map(({ state }: { state: string }) => state)).toEqual([
        "failed",
        "failed",
      ]);
    });

    test("a redirect is not followed", async () => {
      const { id } = await make();
      const target = await startReceiver();
      onTestFinished(() => target.close());
      receiver.answer = { status: 307, headers: { location: target.url } };
      await raise();
      await send();
      expect(target.received).toEqual([]);
      expect(await deliveries(id)).toMatchObject([{ state: "waiting", code: "HTTP_307" }]);
    });

    test("the test button says at once what became of it", async () => {
      const { id, secret } = await make(["release.halted"]);
      const tested = await callApi(world, token, `POST /webhooks/${id}/test`);
      expect(tested.body).toMatchObject({ type: "webhook.test", state: "delivered", attempts: 1 });
      expect(receiver.events(secret)).toMatchObject([{ type: "webhook.test" }]);
      receiver.answer = { status: 404 };
      const failed = await callApi(world, token, `POST /webhooks/${id}/test`);
      expect(failed.body).toMatchObject({ state: "waiting", code: "HTTP_404" });
    });

    test("two servers on one database deliver each event once, and what one took and did not finish the other does", async () => {
      const { id } = await make();
      const other = await openServer(world.dir, world.token);
      other.clock.now = world.clock.now;
      onTestFinished(() => other.stop());
      const second = new WebhookSender(other.context);
      onTestFinished(() => second.close());
      for (let index = 0; index < 6; index++) await raise(`rules ${index}`);
      for (let step = 0; step < 8; step++) await send([sender, second]);
      const ids = receiver.received.map(({ headers }) => headers["webhook-id"]);
      expect(ids.toSorted()).toEqual([...new Set(ids)].toSorted());
      expect(ids).toHaveLength(6);
      // Taken by one that is killed: the lease ends.
      await raise("left");
      await world.context.database.db
        .updateTable("deliveries")
        .set({ next_at: world.clock.now + 60_000 })
        .where("webhook_id", "=", id)
        .where("state", "=", "waiting")
        .execute();
      await send([second]);
      expect(receiver.received).toHaveLength(6);
      other.clock.now += 60_000;
      await send([second]);
      expect(receiver.received).toHaveLength(7);
    });

    test("what only this machine or its network can reach is refused, by URL and by name, unless server.json allows it", async () => {
      const refused = [
        "ftp://hooks.example/x",
        "https://user:password@hooks.example/",
        "nothing at all",
        "http://127.0.0.2/x",
        "http://0x7f000002/x",
        "http://[::1]/x",
        "http://[::ffff:10.0.0.1]/x",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/",
        "http://0.0.0.0/",
      ];
      for (const url of refused) {
        const { status, body } = await callApi(world, token, "POST /webhooks", { name: "x", url });
        expect([url, status, body.code]).toEqual([url, 422, "REFUSED"]);
        expect(body.errors[0].field).toBe("url");
      }
      const named = await makeServer();
      onTestFinished(() => named.close());
      const own = await tokenOf(named, "administrator");
      const payload = { token: named.token, user: "ada", password: "correct horse battery" };
      await named.people.inject(asBrowser({ method: "POST", url: "/api/v1/setup", payload }));
      const url = receiver.url.replace("127.0.0.1", "localhost");
      const { body } = await callApi(named, own, "POST /webhooks", { name: "x", url });
      const tested = await callApi(named, own, `POST /webhooks/${body.id}/test`);
      expect(tested.body).toMatchObject({ state: "waiting", code: "ADDRESS_REFUSED" });
      expect(receiver.received).toEqual([]);
    });

    test("causes raise events: a copied disk, two machines as one agent, guesses that have to wait; each once", async () => {
      await make();
      const { id, secret } = await enrolMachine(world, token, { name: "gold", addresses: ["10.1.0.1"] });
      const report = async (from: string, started: number) => {
        const at = (time: number) => new Date(time).toISOString();
        const answer = await world.agents.inject({
          method: "PUT",
          url: `/v1/agents/${id}/report`,
          headers: { host: "localhost", authorization: `Bearer ${secret}` },
          payload: {
            started: at(started),
            ended: at(started + 60_000),
            trigger: "schedule",
            program: "0.1.0",
            report: { outcome: "updated", addresses: [from] },
          },
        });
        expect(answer.statusCode).toBe(204);
      };
      const clone = await callApi(world, token, "POST /enrolment-tokens", {});
      const payload = {
        token: readToken(clone.body.token)?.secret,
        name: "copy",
        addresses: ["10.9.0.1"],
        fingerprint: createHash("sha256").update("gold").digest("hex"),
        program: "0.1.0",
      };
      for (const name of ["copy", "copy 2"]) {
        world.clock.now++;
        const body = { ...payload, name, addresses: [`10.9.0.${name.length}`] };
        const request = {
          method: "POST",
          url: "/v1/enrol",
          headers: { host: "localhost" },
          payload: body,
        } as const;
        expect((await world.agents.inject(request)).statusCode).toBe(201);
      }
      await report("10.1.0.1", world.clock.now);
      await report("10.2.0.1", world.clock.now + 10_000);
      await report("10.1.0.1", world.clock.now + 20_000);
      for (let attempt = 0; attempt < 8; attempt++) {
        const payload = { user: "ada", password: "wrong" };
        await world.people.inject(asBrowser({ method: "POST", url: "/api/v1/session", payload }));
      }
      await send();
      await send();
      const types = receiver.received.map(({ body }) => JSON.parse(body));
      expect(types.map(({ type, data }) => `${type}: ${data.subject}`).toSorted()).toEqual(
        [`agent.cloned: ${id}`, `agent.doubled: ${id}`, "sign_in.locked: user ada"].toSorted(),
      );
    });
  });
});
