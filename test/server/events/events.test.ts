import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { sql } from "kysely";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { agentSideRoutes } from "../../../src/server/agentSide/agentSideRoutes.ts";
import { allRoutes } from "../../../src/server/allRoutes.ts";
import { ALSO, resourcesOf } from "../../../src/server/events/changedBy.ts";
import { ChangeFeed } from "../../../src/server/events/changeFeed.ts";
import { transact } from "../../../src/server/store/transaction.ts";
import { say, WakeUps } from "../../../src/server/store/wakeUps.ts";
import { databases } from "../../support/databases.ts";
import {
  asBrowser,
  asScript,
  callApi,
  enrolMachine,
  makeServer,
  openServer,
  type ServerWorld,
  sessionOf,
  tokenOf,
} from "../../support/serverWorld.ts";
import { joinServer } from "../../support/twoServers.ts";

const AWAITED = { timeout: 60_000 };

/** Listens to a server's events; they are read as a page reads them. */
async function listenTo({ people }: ServerWorld, session: string) {
  const request = asBrowser({ method: "GET", url: "/api/v1/events", payloadAsStream: true }, session);
  const answer = await people.inject(request);
  const heard = { status: answer.statusCode, text: "", ended: false };
  const stream = answer.stream();
  stream.on("data", (piece) => {
    heard.text += String(piece);
  });
  stream.on("end", () => {
    heard.ended = true;
  });
  stream.on("error", () => {});
  onTestFinished(() => void stream.destroy());
  const hello = () => JSON.parse(/event: hello\ndata: (.*)\n/.exec(heard.text)?.[1] ?? "{}");
  const changed = () =>
    [...heard.text.matchAll(/event: changed\ndata: (.*)\n/g)].map(
      ([, data]) => JSON.parse(data ?? "").resource,
    );
  await vi.waitFor(() => expect(hello()).not.toEqual({}), AWAITED);
  return { heard, hello, changed };
}

async function openWorld(url: string): Promise<ServerWorld> {
  const world = await makeServer(url);
  onTestFinished(() => world.close());
  // Before there is an administrator nothing is answered.
  await sessionOf(world, "administrator");
  return world;
}

describe.for(databases().filter(({ isShared }) => isShared))("on $name", ({ isHere, makeUrl }) => {
  describe.skipIf(!isHere)("a page that listens", () => {
    test("is told the versions of all resources, and which have changed, but not what", async () => {
      const world = await openWorld(await makeUrl());
      const [viewer, operator] = [await sessionOf(world, "viewer"), await tokenOf(world, "operator")];
      const page = await listenTo(world, viewer);
      const resources = resourcesOf(allRoutes).names;
      expect(Object.keys(page.hello())).toEqual(resources);
      const list = {
        mode: "customized",
        entries: [{ range: "10.1.0.0/16", url: "http://secret.example:21112" }],
      };
      expect((await callApi(world, operator, "PUT /source-list", list, 0)).status).toBe(200);
      await vi.waitFor(
        () => expect(page.changed()).toEqual(expect.arrayContaining(["source-list", "audit"])),
        AWAITED,
      );
      expect((await callApi(world, operator, "POST /domains", { name: "lyon" })).status).toBe(201);
      await vi.waitFor(() => expect(page.changed()).toContain("domains"), AWAITED);
      expect(page.heard.text).not.toMatch(/secret|lyon/);
    });

    test("hears of agents that report now and then, however many do", async () => {
      const world = await openWorld(await makeUrl());
      const page = await listenTo(world, await sessionOf(world, "viewer"));
      const operator = await tokenOf(world, "operator");
      const { id, secret } = await enrolMachine(world, operator, { name: "pc-1" });
      const started = "2026-11-25T12:00:00.000Z";
      const payload = {
        started,
        ended: started,
        trigger: "schedule",
        program: "0.1.0",
        report: { outcome: "updated" },
      };
      const report = asScript({ method: "PUT", url: `/v1/agents/${id}/report`, payload }, secret);
      const answers = await Promise.all(Array.from({ length: 300 }, () => world.agents.inject(report)));
      expect(answers.filter(({ statusCode }) => statusCode === 204).length).toBeGreaterThan(0);
      await vi.waitFor(() => expect(page.changed()).toContain("agents"), AWAITED);
      expect(page.changed().filter((each) => each === "agents").length).toBeLessThan(50);
    });

    test("is let go when its session ends", async () => {
      const world = await openWorld(await makeUrl());
      const session = await sessionOf(world, "viewer");
      const page = await listenTo(world, session);
      await world.people.inject(asBrowser({ method: "DELETE", url: "/api/v1/session" }, session));
      await vi.waitFor(() => expect(page.heard.ended).toBe(true), AWAITED);
    });

    test("gives way to the fifth of its session, and is told when to ask anew; others are not touched", async () => {
      const world = await openWorld(await makeUrl());
      const session = await sessionOf(world, "viewer");
      const other = await listenTo(world, await sessionOf(world, "operator"));
      const pages = [];
      for (let count = 0; count < 5; count++) pages.push(await listenTo(world, session));
      const [oldest, ...later] = pages;
      await vi.waitFor(() => expect(oldest?.heard.ended).toBe(true), AWAITED);
      expect(oldest?.heard.text).toMatch(/retry: 30000\n\n$/);
      await callApi(world, await tokenOf(world, "operator"), "POST /domains", { name: "lyon" });
      for (const each of [...later, other]) {
        await vi.waitFor(() => expect(each.changed()).toContain("domains"), AWAITED);
      }
    });
  });
});

describe.for(databases().filter(({ name }) => name === "PostgreSQL"))(
  "servers of one database",
  ({ isHere, makeUrl }) => {
    describe.skipIf(!isHere)("tell each other", () => {
      async function openTwo() {
        const one = await openWorld(await makeUrl());
        const dir = path.join(path.dirname(one.dir), "second");
        await joinServer(one.dir, dir);
        const two = await openServer(dir, "");
        onTestFinished(() => two.stop());
        return { one, two };
      }

      test("what has changed: a page at one hears of a save at the other", async () => {
        const { one, two } = await openTwo();
        const page = await listenTo(one, await sessionOf(one, "viewer"));
        await callApi(two, await tokenOf(two, "operator"), "POST /domains", { name: "lyon" });
        await vi.waitFor(() => expect(page.changed()).toContain("domains"), AWAITED);
      });

      test("that a session has ended: its page at the other is let go", async () => {
        const { one, two } = await openTwo();
        const session = await sessionOf(one, "viewer");
        const page = await listenTo(one, session);
        await two.people.inject(asBrowser({ method: "DELETE", url: "/api/v1/session" }, session));
        await vi.waitFor(() => expect(page.heard.ended).toBe(true), AWAITED);
      });

      test("also after all connections were broken: what was said meanwhile is looked at again", async () => {
        const { one, two } = await openTwo();
        const page = await listenTo(one, await sessionOf(one, "viewer"));
        const { db } = two.context.database;
        const broken = sql`select pg_terminate_backend(pid) from pg_stat_activity
        where pid <> pg_backend_pid() and datname = current_database()`;
        await broken.execute(db);
        await vi.waitFor(
          () => expect(page.changed()).toEqual(expect.arrayContaining(["domains", "agents"])),
          AWAITED,
        );
        const before = page.changed().length;
        const operator = await tokenOf(two, "operator");
        await callApi(two, operator, "POST /domains", { name: "lyon" });
        await vi.waitFor(() => expect(page.changed().slice(before)).toContain("domains"), AWAITED);
      });
    });
  },
);

test("what is said in a transaction is heard once it is committed, and never when it is taken back", async () => {
  for (const kind of databases().filter(({ isHere }) => isHere)) {
    const database = await kind.open();
    const heard: string[] = [];
    const wakeUps = new WakeUps(() => {});
    wakeUps.on("changed", (words) => heard.push(...(words ?? [])));
    await wakeUps.start(database);
    const undone = transact(database.db, async (tx) => {
      await say(tx, "changed", ["taken back"]);
      throw new Error("taken back");
    });
    await expect(undone).rejects.toThrow("taken back");
    const many = Array.from({ length: 1_000 }, (_, index) => `agent-${index}-of-many`);
    await transact(database.db, async (tx) => {
      await say(tx, "changed", many);
      expect(heard).toEqual([]);
    });
    await vi.waitFor(() => expect(heard).toEqual(many), AWAITED);
    await wakeUps.close();
  }
});

test("texts of others that may write to the channel wake nobody, and harm nothing", () => {
  const wakeUps = new WakeUps(() => {});
  const heard: unknown[] = [];
  wakeUps.on("changed", (words) => heard.push(words));
  for (const text of ["", "{", "null", "[]", "[1]", '["other"]', '{"changed":1}', '["changed",{}]'])
    wakeUps.hear(text);
  expect(heard).toEqual([]);
});

test("no more pages listen than there is place for; the next is told so", async () => {
  const feed = new ChangeFeed({ names: ["agents"], changedBy: () => [] }, async () => {});
  const gone = new AbortController();
  const open = [];
  for (;;) {
    const stream = feed.open(async () => true, gone.signal)?.[Symbol.asyncIterator]();
    if (stream === undefined) break;
    expect((await stream.next()).value).toContain("hello");
    open.push(stream);
  }
  expect(open.length).toBeGreaterThanOrEqual(100);
  gone.abort();
  for (const each of open) expect((await each.next()).done).toBe(true);
  expect(feed.open(async () => true, gone.signal)).toBeDefined();
});

describe("resources and operations", () => {
  const SERVER = path.join(import.meta.dirname, "..", "..", "..", "src", "server");
  const audited = [...allRoutes, ...agentSideRoutes]
    .map(({ audit }) => audit)
    .filter((each) => each !== "none");

  test("every operation that is written to the audit log changes a resource", () => {
    const { changedBy } = resourcesOf(allRoutes);
    const silent = [...new Set(audited)].filter((each) => changedBy(each).every((one) => one === "audit"));
    expect(silent).toEqual([]);
  });

  test("every exception names an operation that there is, and resources that there are", () => {
    const { names } = resourcesOf(allRoutes);
    const files = readdirSync(SERVER, { recursive: true, encoding: "utf8" }).filter((each) =>
      each.endsWith(".ts"),
    );
    const code = files
      .filter((each) => !each.endsWith("changedBy.ts"))
      .map((each) => readFileSync(path.join(SERVER, each), "utf8"))
      .join("");
    for (const [operation, also] of Object.entries(ALSO)) {
      expect(code, operation).toContain(`"${operation}"`);
      for (const each of also) expect(names, operation).toContain(each);
    }
  });
});
