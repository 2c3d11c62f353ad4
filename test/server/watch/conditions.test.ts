import { promises as fs } from "node:fs";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { listExpiries } from "../../../src/server/expiries.ts";
import { Notifier } from "../../../src/server/notify/notifier.ts";
import { lookAfter } from "../../../src/server/serverHealth.ts";
import {
  insertNotification,
  updateNotification,
} from "../../../src/server/store/notifications/notificationStore.ts";
import { transact } from "../../../src/server/store/transaction.ts";
import { databases } from "../../support/databases.ts";
import { contentPublications } from "../../support/repositories.ts";
import {
  asBrowser,
  callApi,
  enrolMachine,
  makeServer,
  openServer,
  tokenOf,
} from "../../support/serverWorld.ts";

const DAY = 86_400_000;

describe.for(databases().filter(({ isShared }) => isShared))("with $name,", ({ isHere, makeUrl }) => {
  async function worldOf(settings: object = {}) {
    const world = await makeServer(await makeUrl(), { watch: { troubledShare: 0.5 }, ...settings });
    onTestFinished(() => world.close());
    const payload = { token: world.token, user: "ada", password: "correct horse battery" };
    await world.people.inject(asBrowser({ method: "POST", url: "/api/v1/setup", payload }));
    const token = await tokenOf(world, "administrator");
    const raised = async () =>
      (
        await world.context.database.db
          .selectFrom("events")
          .select(["type", "subject"])
          .orderBy("at")
          .execute()
      ).map(({ type, subject }) => `${type}: ${subject}`);
    return { world, token, raised };
  }

  test.skipIf(!isHere)(
    "what begins and ends with time is an event each time, whichever server sees it",
    async () => {
      const { world, token, raised } = await worldOf();
      await lookAfter(world.context);
      expect(await raised()).toEqual([]);
      await enrolMachine(world, token, { name: "pc-1", addresses: ["10.1.0.1"] });
      const entries = [{ range: "10.2.0.0/16", url: "http://ua.example:21112" }];
      await callApi(world, token, "PUT /source-list", { mode: "customized", entries }, 0);
      world.clock.now += 1;
      await lookAfter(world.context);
      expect(await raised()).toEqual(["networks.uncovered: networks"]);
      await lookAfter(world.context);
      const other = await openServer(world.dir, world.token);
      onTestFinished(() => other.stop());
      await lookAfter(other.context);
      expect(await raised()).toHaveLength(1);

      const key = path.join(world.dir, "keys", "settings", "timestamp.pem");
      await fs.rename(key, `${key}.away`);
      world.clock.now += DAY;
      await lookAfter(world.context);
      expect((await raised()).slice(1)).toEqual(["expiry.ahead: settings timestamp"]);
      // Why it cannot be signed is found by one server, and shown by each.
      const shown = await listExpiries(other.context);
      expect(shown.find(({ what }) => what === "settings timestamp")?.reason).toContain("timestamp");
      world.clock.now += DAY;
      await lookAfter(world.context);
      expect((await raised()).slice(2)).toEqual(["expiry.ahead: settings timestamp"]);

      await fs.rename(`${key}.away`, key);
      const covered = [{ range: "10.1.0.0/16", url: "http://ua.example:21112" }];
      await callApi(world, token, "PUT /source-list", { mode: "customized", entries: covered }, 1);
      world.clock.now += 1;
      await lookAfter(world.context);
      expect((await raised()).slice(3).toSorted()).toEqual([
        "expiry.renewed: settings timestamp",
        "networks.covered: networks",
      ]);
    },
  );

  test.skipIf(!isHere)(
    "a vendor who is never reached is late once, however often servers start meanwhile",
    async () => {
      const { root } = await contentPublications();
      // Nothing listens there.
      const vendor = { activeUpdate: "http://127.0.0.1:9", roots: { content: root } };
      const { world, raised } = await worldOf(vendor);
      const HOUR = 3_600_000;
      const start = async () => {
        const server = await openServer(world.dir, world.token);
        onTestFinished(() => server.stop());
        server.clock.now = world.clock.now;
        await lookAfter(server.context);
      };
      for (let hour = 0; hour < 6; hour++) {
        await start();
        expect(await raised()).toEqual([]);
        world.clock.now += HOUR;
      }
      await start();
      expect(await raised()).toEqual(["mirror.late: content"]);
      await start();
      expect(await raised()).toHaveLength(1);
    },
  );

  test.skipIf(!isHere)("a notification that ends with failures is an event, once", async () => {
    const { world, token, raised } = await worldOf();
    const { id: agent } = await enrolMachine(world, token, { name: "pc-1" });
    const { db } = world.context.database;
    const made = { id: "n1", createdAt: 0, createdBy: "ada", target: { all: true } as const, run: false };
    await transact(db, (tx) => insertNotification(tx, made));
    await updateNotification(db, "n1", { state: "told" });
    await db
      .insertInto("told")
      .values({ notification_id: "n1", agent_id: agent, place: 1, state: "failed", attempts: 1, code: "X" })
      .execute();
    const notifier = new Notifier(world.context);
    await notifier.step();
    await notifier.step();
    await notifier.close();
    expect(await raised()).toEqual(["notification.failed: n1"]);
  });
});
