import { promises as fs } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { dataDirAt } from "../../../src/store/dataDir.ts";
import { inStore } from "../../../src/store/store.ts";
import type { UpdateEvent } from "../../../src/update/update.ts";
import { ask, objectUrl, startersFor, startTestRelay, type TestRelay } from "../../support/relay.ts";
import {
  makeAgent,
  objectOf,
  type Publication,
  runUpdate,
  sharedWorld,
  writeJson,
} from "../../support/world.ts";

const stage = sharedWorld({ large: true });

const { open, source, start } = startersFor(stage, { etags: true });

const timestamp = "/content/metadata/timestamp.json";
const large = objectUrl(objectOf(2, "pattern"));

/** A source of which some objects come only when they are let go. */
async function holdingSource(publication: Publication, ...held: string[]) {
  const [asked, free] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const origin = await source(publication, {
    answer: async ({ url }, response) => {
      if (!held.includes(url ?? "")) return false;
      asked.resolve();
      await free.promise;
      return response.destroyed;
    },
  });
  open.push({ close: async () => free.resolve() });
  return { origin, asked: asked.promise, letGo: () => free.resolve() };
}

/** The announcement of an Update Agent, and the state it reports beside that. */
async function said(relay: TestRelay) {
  const { status, body, headers } = await ask(relay.url, timestamp);
  const state = headers["nearsource-state"] as string | undefined;
  const version = status === 200 ? JSON.parse(body.toString()).signed.version : undefined;
  return { version, state: state?.split(";")[0] };
}

async function changeList(
  { agent }: TestRelay,
  change: (list: { entries: Record<string, unknown>[] }) => unknown,
): Promise<void> {
  const file = path.join(agent.folder, "list.json");
  const list = JSON.parse(await fs.readFile(file, "utf8"));
  change(list);
  await writeJson(file, list);
}

async function versionOf(publication: Publication): Promise<number> {
  const text = await fs.readFile(path.join(stage.world.www(publication), timestamp), "utf8");
  return JSON.parse(text).signed.version;
}

describe("two Update Agents in each other's lists", () => {
  test("do not wait for each other once the one that was filling is full", async () => {
    const { origin, asked, letGo } = await holdingSource(2, large);
    origin.root = stage.world.www(1);
    const relayConfig = { maxStale: 0 };
    const one = await start({ upstream: [origin.url], relay: relayConfig });
    const other = await start({ upstream: [one.url, origin.url], relay: relayConfig });
    await one.relay.refresh();
    await other.relay.refresh();
    await changeList(one, ({ entries }) => entries.unshift({ ...entries[0], name: "other", url: other.url }));
    origin.root = stage.world.www(2);
    let isAsked = false;
    void asked.then(() => {
      isAsked = true;
    });
    const askBoth = () => {
      for (const { relay } of [one, other]) void relay.refresh();
      return isAsked;
    };
    // Each believes for a second what the other has just found out.
    await expect.poll(askBoth, { timeout: 20_000, interval: 1_500 }).toBe(true);
    for (const each of [one, other]) {
      await expect.poll(() => said(each), { timeout: 20_000 }).toMatchObject({ state: "filling" });
    }
    const fresh = await versionOf(2);
    letGo();
    await expect.poll(() => said(one), { timeout: 30_000 }).toEqual({ version: fresh, state: undefined });
    await expect.poll(() => said(other), { timeout: 30_000 }).toEqual({ version: fresh, state: undefined });
  }, 90_000);
});

describe("three Update Agents in a row", () => {
  test("have the agents of the last wait while the first is filling", async () => {
    const { origin, asked, letGo } = await holdingSource(2, large);
    origin.root = stage.world.www(1);
    // On a busy machine an answer takes its time from hop to hop.
    const confirmPatience = (hops: number) => 8_000 - 1_000 * hops;
    const first = await start({ upstream: origin.url, confirmPatience });
    const second = await start({ upstream: [first.url, origin.url], confirmPatience });
    const third = await start({ upstream: [second.url, origin.url], confirmPatience });
    for (const { relay } of [first, second, third]) await relay.refresh();
    origin.root = stage.world.www(2);
    void first.relay.refresh();
    await asked;
    const next = await source(2);
    const sources = { near: third.url, next: next.url };
    const config = { policy: "policy.json" };
    const agent = await makeAgent(stage.world, { sources, installed: 1, components: ["pattern"], config });
    await writeJson(path.join(agent.folder, "policy.json"), {});
    // Right after they have asked, they are not asked to ask again.
    const confirmed = () => third.relay.health().repositories.content?.confirmed;
    await expect.poll(confirmed, { timeout: 5_000 }).toBeGreaterThan(1_000);
    const told = { content: await versionOf(2) };
    const onEvent = ({ type }: UpdateEvent) => type === "waiting" && letGo();
    const { report } = await runUpdate(agent, { trigger: "notify", told, onEvent });
    expect(report.attempts).toMatchObject([
      { name: "near", outcome: "delivered", waited: { for: "filling" } },
    ]);
    expect(next.requests).toEqual([]);
    expect(origin.objects().filter(({ path: each }) => each === large)).toHaveLength(1);
  });
});

describe("a grant that changes in mid-fill", () => {
  test("and comes back announces nothing of which the objects are not here", async () => {
    const { origin, asked, letGo } = await holdingSource(2, large, objectUrl(objectOf(3, "pattern")));
    const config = { kinds: ["components", "programs"] };
    const relay = await start({ upstream: origin.url, config });
    await changeList(relay, ({ entries }) => Object.assign(entries[0] ?? {}, config));
    relay.relay.refresh();
    await asked;
    relay.relay.grant(["programs"]);
    origin.root = stage.world.www(3);
    relay.relay.refresh();
    const fresh = await versionOf(3);
    const announced = () => relay.relay.health().repositories.content?.version;
    await expect.poll(announced, { timeout: 10_000 }).toBe(fresh);
    relay.relay.grant(["components"]);
    const filling = { version: undefined, state: "filling" };
    await expect.poll(() => said(relay), { timeout: 10_000 }).toEqual(filling);
    letGo();
    await expect.poll(() => said(relay), { timeout: 20_000 }).toEqual({ version: fresh, state: undefined });
  });
});

describe("what was fetched before a restart", () => {
  test("is kept while nobody upstream can be asked", async () => {
    const { origin, asked } = await holdingSource(2, large);
    origin.root = stage.world.www(1);
    const first = await startTestRelay(stage.world, { upstream: origin.url });
    await first.relay.refresh();
    origin.root = stage.world.www(2);
    first.relay.refresh();
    await asked;
    await first.close();
    const held = dataDirAt(path.join(first.agent.dataDir, "relay"));
    const rules = { sha256: objectOf(2, "rules"), length: 65_536 };
    expect(await inStore(held, rules)).toBe(true);
    await changeList(first, ({ entries }) => Object.assign(entries[0] ?? {}, { url: "http://127.0.0.1:1" }));
    const again = await start({ upstream: origin.url, agent: first.agent });
    await again.relay.refresh();
    expect(await inStore(held, rules)).toBe(true);
  });
});

describe("metadata on their way over a thin link", () => {
  test("are waited for by agents that were told of them, however near the next source is", async () => {
    const held = Promise.withResolvers<void>();
    const origin = await source(1, {
      answer: async ({ url = "" }, response) => {
        if (url.endsWith(".snapshot.json") && origin.root === stage.world.www(2)) await held.promise;
        return response.destroyed;
      },
    });
    open.push({ close: async () => held.resolve() });
    const next = await source(2);
    const relay = await start({ upstream: origin.url });
    await relay.relay.refresh();
    origin.root = stage.world.www(2);
    const sources = { near: relay.url, next: next.url };
    const agent = await makeAgent(stage.world, { sources, installed: 1, config: { policy: "policy.json" } });
    await writeJson(path.join(agent.folder, "policy.json"), {});
    const onEvent = ({ type }: UpdateEvent) => type === "waiting" && held.resolve();
    // Right after it has asked, it is not asked to ask again.
    await expect
      .poll(() => relay.relay.health().repositories.content?.confirmed, { timeout: 5_000 })
      .toBeGreaterThan(1_000);
    const told = { content: await versionOf(2) };
    const { report } = await runUpdate(agent, { trigger: "notify", told, onEvent });
    expect(report.attempts).toMatchObject([{ name: "near", outcome: "delivered" }]);
    expect(next.requests).toEqual([]);
  });
});

describe("in mid-fill", () => {
  test("a source list that changes is followed for what is still to come", async () => {
    const { origin, asked } = await holdingSource(2, large);
    const relay = await start({ upstream: origin.url });
    relay.relay.refresh();
    await asked;
    const next = await source(3);
    await changeList(relay, ({ entries }) => Object.assign(entries[0] ?? {}, { url: next.url }));
    relay.relay.refresh();
    await expect.poll(() => next.requests.length, { timeout: 8_000 }).toBeGreaterThan(0);
  });

  test("something newer yet is learnt when it is told of, and what it replaces is not fetched to its end", async () => {
    const { origin, asked } = await holdingSource(2, large);
    origin.root = stage.world.www(1);
    const relay = await start({ upstream: origin.url });
    await relay.relay.refresh();
    origin.root = stage.world.www(2);
    relay.relay.refresh();
    await asked;
    origin.root = stage.world.www(3);
    relay.relay.refresh();
    await expect
      .poll(() => relay.relay.health().repositories.content?.next, { timeout: 8_000 })
      .toBe(await versionOf(3));
    // The object that is held never comes.
    await expect
      .poll(() => said(relay), { timeout: 15_000 })
      .toEqual({
        version: await versionOf(3),
        state: undefined,
      });
    expect(relay.lines).toEqual([]);
  });
});

test("an Update Agent that is told of something newer has the one that it fetches from ask, too", async () => {
  const origin = await source(1);
  const top = await start({ upstream: origin.url, relay: { maxStale: 3_600_000 } });
  const below = await start({ upstream: top.url, relay: { maxStale: 3_600_000 } });
  await top.relay.refresh();
  await below.relay.refresh();
  origin.root = stage.world.www(2);
  // Right after it has asked, it is not asked to ask again.
  const version = async () => {
    await ask(below.url, timestamp, { headers: { "cache-control": "no-cache" } });
    return (await said(below)).version;
  };
  await expect.poll(version, { timeout: 20_000 }).toBe(await versionOf(2));
});

test("an announcement that the disk refused is made as soon as it can be", async () => {
  const { origin, asked, letGo } = await holdingSource(2, large);
  origin.root = stage.world.www(1);
  const relay = await start({ upstream: origin.url });
  await relay.relay.refresh();
  origin.root = stage.world.www(2);
  const filled = relay.relay.refresh();
  await asked;
  const folder = path.join(relay.agent.dataDir, "relay/metadata");
  await fs.rename(folder, `${folder}.away`);
  await fs.writeFile(folder, "in the way");
  letGo();
  await filled;
  expect((await said(relay)).version).toBe(await versionOf(1));
  await fs.rm(folder);
  await fs.rename(`${folder}.away`, folder);
  await expect.poll(async () => (await said(relay)).version, { timeout: 40_000 }).toBe(await versionOf(2));
}, 60_000);
