import { promises as fs } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { SILENT } from "../../src/config/log.ts";
import { initRepository } from "../../src/publisher/init.ts";
import { metadataExpiries } from "../../src/server/expiries.ts";
import { runServer } from "../../src/server/runServer.ts";
import { readServerConfig } from "../../src/server/serverConfig.ts";
import { healthOf, lookAfter } from "../../src/server/serverHealth.ts";
import { tryLeftOver } from "../../src/server/settings/publishDocument.ts";
import { insertDocument } from "../../src/server/store/settings/documentStore.ts";
import { transact } from "../../src/server/store/transaction.ts";
import { type Call, makeReadyServer, publishedDocument, type ServerWorld } from "../support/serverWorld.ts";

const DAY = 86_400_000;
let world: ServerWorld;
let call: Call;

beforeEach(async () => {
  ({ world, call } = await makeReadyServer("administrator"));
});

afterEach(() => world.close());

interface Item {
  what: string;
  expires: number;
  state: string;
  reason: string | null;
  remedy: string;
}
const expiries = async (): Promise<Item[]> => (await call("GET /expiries")).body.items;
const timestamp = async () => (await expiries()).find(({ what }) => what === "settings timestamp");
const version = () => world.context.trees.versions().settings;

test("timestamps are signed again when a day has passed, and not before", async () => {
  await lookAfter(world.context);
  expect(version()).toBe(1);
  world.clock.now += DAY;
  await lookAfter(world.context);
  expect(version()).toBe(2);
  await lookAfter(world.context);
  expect(version()).toBe(2);
  expect((await timestamp())?.expires).toBeGreaterThan(world.clock.now + 13 * DAY);
});

test("a signature that cannot be renewed is said long before it ends, with reason and remedy, until it can be", async () => {
  const key = path.join(world.dir, "keys", "settings", "timestamp.pem");
  await fs.rename(key, `${key}.away`);
  world.clock.now += DAY;
  await lookAfter(world.context);
  expect(await timestamp()).toMatchObject({ state: "fine", reason: expect.stringContaining("timestamp") });
  expect(await healthOf(world.context)).toEqual({ ok: false, failing: ["settings"], ending: [], ailing: [] });
  await fs.rename(`${key}.away`, key);
  await lookAfter(world.context);
  expect(await timestamp()).toMatchObject({ state: "fine", reason: null });
  expect(await healthOf(world.context)).toEqual({ ok: true, failing: [], ending: [], ailing: [] });
});

test("a server starts though it cannot publish what was left, says so, and publishes it once it can", async () => {
  const saved = { name: "source-list", version: 1, content: '{ "version": 1 }', author: "ada", createdAt: 1 };
  await transact(world.context.database.db, (tx) => insertDocument(tx, { ...saved, note: "", effect: null }));
  const key = path.join(world.dir, "keys", "settings", "settings.pem");
  await fs.rename(key, `${key}.away`);
  await tryLeftOver(world.context);
  expect((await healthOf(world.context)).failing).toEqual(["settings"]);
  const row = (await expiries()).find(({ what }) => what.includes("not published"));
  expect(row).toMatchObject({ state: "ended", reason: expect.stringContaining("settings") });
  // Another server of the database, which has not tried yet, says so too.
  const other = {
    ...world.context,
    upkeep: { publishing: undefined, failing: new Set<never>(), ending: new Set<never>() },
  };
  expect((await metadataExpiries(other)).find(({ what }) => what.includes("not published"))).toMatchObject({
    state: "ended",
  });
  await lookAfter(other);
  expect((await healthOf(other)).failing).toEqual(["settings"]);
  await fs.rename(`${key}.away`, key);
  await tryLeftOver(other);
  await lookAfter(other);
  expect((await healthOf(other)).failing).toEqual([]);
  await tryLeftOver(world.context);
  expect((await healthOf(world.context)).failing).toEqual([]);
  expect(await publishedDocument(world, "source-list")).toEqual({ version: 1 });
});

test("everything that ends is listed, the next first: metadata, the root, tokens that expire", async () => {
  const { now } = world.clock;
  await call("POST /api-tokens", { name: "inventory", role: "viewer", expires: now + DAY });
  await call("POST /enrolment-tokens", { expires: now + 2 * DAY });
  const items = await expiries();
  expect(items.map(({ what }) => what.replace(/token \S+ of/, "token of"))).toEqual([
    "API token inventory",
    "enrolment token of default",
    "settings timestamp",
    "settings snapshot",
    expect.stringMatching(/settings (targets|settings)/),
    expect.stringMatching(/settings (targets|settings)/),
    "settings root",
  ]);
  expect(items.map(({ state }) => state).slice(0, 3)).toEqual(["soon", "soon", "fine"]);
  world.clock.now += 1_000 * DAY;
  const root = (await expiries()).find(({ what }) => what === "settings root");
  expect(root).toMatchObject({ state: "ended", remedy: expect.stringContaining("next root") });
});

test("metadata that cannot be read are an expiry with a reason", async () => {
  await fs.writeFile(path.join(world.dir, "www", "settings", "metadata", "timestamp.json"), "{}");
  expect((await expiries())[0]).toMatchObject({ what: "settings", state: "ended", expires: null });
});

test("/healthz is open at the console's port, and says which area fails and no more", async () => {
  const file = path.join(world.dir, "server.json");
  const place = { host: "127.0.0.1", port: 0 };
  await fs.writeFile(file, JSON.stringify({ console: place, agents: place }));
  const server = await runServer(await readServerConfig(world.dir), SILENT);
  try {
    const health = async () => {
      const answer = await fetch(`http://127.0.0.1:${server.consolePort}/healthz`);
      return [answer.status, await answer.json()];
    };
    expect(await health()).toEqual([200, { ok: true, failing: [], ending: [], ailing: [] }]);
    server.context.upkeep.failing = new Set(["settings"]);
    expect(await health()).toEqual([503, { ok: false, failing: ["settings"], ending: [], ailing: [] }]);
    server.context.upkeep.failing = new Set();
    await server.context.database.db.schema.alterTable("setup").renameTo("gone").execute();
    expect(await health()).toEqual([503, { ok: false, failing: ["database"], ending: [], ailing: [] }]);
  } finally {
    await server.close();
  }
});

test("content of the site's own is said to be signed again by its own keys, not by a vendor", async () => {
  const keysDir = path.join(world.dir, "content-keys");
  await initRepository({ dir: world.context.trees.www, repository: "content", keysDir });
  const remedies = new Map((await expiries()).map(({ what, remedy }) => [what, remedy]));
  expect(remedies.get("content timestamp")).toContain('"nearsource repo refresh"');
  expect(remedies.get("content root")).toContain("next root");
  expect([...remedies.values()].join()).not.toContain("ActiveUpdate");
});
