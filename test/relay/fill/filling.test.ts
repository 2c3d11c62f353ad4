import { promises as fs } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { initRepository } from "../../../src/publisher/init.ts";
import { setDocument } from "../../../src/publisher/setDocument.ts";
import { dataDirAt } from "../../../src/store/dataDir.ts";
import { openDataDir } from "../../../src/store/openDataDir.ts";
import { partialPath } from "../../../src/store/partial.ts";
import { inStore, storePath } from "../../../src/store/store.ts";
import type { UpdateEvent } from "../../../src/update/update.ts";
import { on } from "../../real/commandLine.ts";
import { ask, objectUrl, startersFor, startTestRelay, type TestRelay } from "../../support/relay.ts";
import { type SourceOptions, startSource } from "../../support/source.ts";
import {
  type AgentOptions,
  expectInstalled,
  history,
  LARGE,
  makeAgent,
  makeWorld,
  objectOf,
  type Publication,
  payload,
  runUpdate,
  sha256,
  sharedWorld,
  type World,
  writeJson,
} from "../../support/world.ts";

const stage = sharedWorld({ large: true });

const { open, source, start } = startersFor(stage);

const timestamp = "/content/metadata/timestamp.json";
const large = objectUrl(objectOf(2, "pattern"));
const bytes = payload(2, "pattern")["pattern.bin"] ?? Buffer.alloc(0);

/** A source whose objects at `paths` come when they are let go, and that tells when the first is asked for. */
async function holdingSource(publication: Publication, paths: string[]) {
  const [asked, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const origin = await source(publication, {
    etags: true,
    answer: async ({ url = "" }, response) => {
      if (!paths.includes(url)) return false;
      asked.resolve();
      await held.promise;
      // A relay that was closed meanwhile has gone.
      return response.destroyed;
    },
  });
  open.push({ close: async () => held.resolve() });
  return { origin, asked: asked.promise, letGo: () => held.resolve() };
}

/** An agent of one Update Agent, and of whoever else is in its list, with a policy of its own. */
async function agentOf(
  sources: Record<string, string>,
  policy: object = {},
  options: Partial<AgentOptions> = {},
) {
  const agent = await makeAgent(stage.world, {
    sources,
    components: ["rules", "pattern"],
    ...options,
    config: { policy: "policy.json" },
  });
  await writeJson(path.join(agent.folder, "policy.json"), policy);
  return agent;
}

async function publicationOf(relay: TestRelay): Promise<{ version: number; state: string | undefined }> {
  const { body, headers } = await ask(relay.url, timestamp);
  const state = headers["nearsource-state"] as string | undefined;
  return { version: JSON.parse(body.toString()).signed.version, state: state?.split(";")[0] };
}

async function versionOf(publication: Publication): Promise<number> {
  const text = await fs.readFile(path.join(stage.world.www(publication), timestamp), "utf8");
  return JSON.parse(text).signed.version;
}

describe("an Update Agent that is filling", () => {
  test("announces the publication before, says so, and announces the new one with its last object", async () => {
    const { origin, asked, letGo } = await holdingSource(2, [large]);
    const [old, fresh] = [await versionOf(1), await versionOf(2)];
    origin.root = stage.world.www(1);
    const relay = await start({ upstream: origin.url });
    await relay.relay.refresh();
    expect(await publicationOf(relay)).toEqual({ version: old, state: undefined });

    origin.root = stage.world.www(2);
    const filled = relay.relay.refresh();
    await asked;
    expect(await publicationOf(relay)).toEqual({ version: old, state: "filling" });
    expect((await ask(relay.url, objectUrl(objectOf(1, "pattern")))).status).toBe(200);
    const metadata = await fs.readdir(path.join(stage.world.www(2), "content/metadata"));
    const snapshot = metadata.find((name) => name.endsWith("snapshot.json") && !name.startsWith("1."));
    const [newest] = metadata
      .filter((name) => /^\d+\.snapshot\.json$/.test(name))
      .sort((a, b) => Number.parseInt(b, 10) - Number.parseInt(a, 10));
    expect(snapshot).toBeDefined();
    expect((await ask(relay.url, `/content/metadata/${newest}`)).status).toBe(404);
    const { repositories, missing, held, missingBytes } = relay.relay.health();
    expect({ repositories, missing, held }).toMatchObject({
      repositories: { content: { version: old, next: fresh } },
      missing: 1,
      held: 2,
    });
    expect(missingBytes).toBe(LARGE);
    const { body } = await relay.relay.metrics();
    expect(body).toContain(`nearsource_relay_missing_bytes ${LARGE}\n`);
    expect(body).toContain(`nearsource_relay_next_timestamp_version{repository="content"} ${fresh}\n`);

    letGo();
    await filled;
    expect(await publicationOf(relay)).toEqual({ version: fresh, state: undefined });
    expect((await ask(relay.url, `/content/metadata/${newest}`)).status).toBe(200);
  });

  test("is waited for by agents on schedule, who then take all from it, however near the next source is", async () => {
    const { origin, asked, letGo } = await holdingSource(2, [large]);
    const next = await source(2);
    const relay = await start({ upstream: origin.url });
    const filled = relay.relay.refresh();
    await asked;
    const agent = await agentOf({ near: relay.url, next: next.url });
    const waits: string[] = [];
    const onEvent = (event: UpdateEvent) => {
      if (event.type !== "waiting") return;
      waits.push(event.message);
      letGo();
    };
    const { report } = await runUpdate(agent, { trigger: "schedule", onEvent });
    await filled;
    expect(report.attempts).toMatchObject([
      { name: "near", outcome: "delivered", waited: { for: "filling" } },
    ]);
    expect(report.attempts[0]?.waited?.ms).toBeGreaterThan(0);
    expect(waits[0]).toContain("near is filling");
    expect(next.requests).toEqual([]);
    await expectInstalled(agent, 2, ["rules", "pattern"]);
  });

  test("is waited for by agents that have the publication before, too", async () => {
    const { origin, asked, letGo } = await holdingSource(2, [large]);
    origin.root = stage.world.www(1);
    const relay = await start({ upstream: origin.url });
    await relay.relay.refresh();
    origin.root = stage.world.www(2);
    const filled = relay.relay.refresh();
    await asked;
    const agent = await agentOf({ near: relay.url }, {}, { installed: 1 });
    const { report } = await runUpdate(agent, {
      trigger: "notify",
      onEvent: ({ type }) => type === "waiting" && letGo(),
    });
    await filled;
    expect(report.attempts).toMatchObject([
      { name: "near", outcome: "delivered", waited: { for: "filling" } },
    ]);
    await expectInstalled(agent, 2, ["rules", "pattern"]);
  });

  test("is waited for no longer than the policy's patience: then the next source is asked", async () => {
    const { origin, asked } = await holdingSource(2, [large]);
    const next = await source(2);
    const relay = await start({ upstream: origin.url });
    relay.relay.refresh();
    await asked;
    const agent = await agentOf({ near: relay.url, next: next.url }, { patience: { manual: 50 } });
    const { report } = await runUpdate(agent, { trigger: "manual" });
    expect(report.attempts).toMatchObject([
      { name: "near", outcome: "failed", code: "SOURCE_BUSY", waited: { for: "filling" } },
      { name: "next", outcome: "delivered" },
    ]);
    expect(report.attempts[0]?.message).toContain("is still fetching what it is asked for");
    await expectInstalled(agent, 2, ["rules", "pattern"]);
  });

  test("leaves those who were told of nothing with what it announces, when their patience is spent", async () => {
    const { origin, asked } = await holdingSource(2, [large]);
    origin.root = stage.world.www(1);
    const next = await source(2);
    const relay = await start({ upstream: origin.url });
    await relay.relay.refresh();
    origin.root = stage.world.www(2);
    relay.relay.refresh();
    await asked;
    const sources = { near: relay.url, next: next.url };
    const untold = await agentOf(sources, { patience: 50 }, { installed: 1 });
    expect((await runUpdate(untold)).report).toMatchObject({
      outcome: "current",
      attempts: [{ name: "near", outcome: "current", newerComing: true }],
    });
    const { stdout } = await on(untold, "update");
    expect(stdout).toContain("components: nothing new, but something newer is on its way there");
    expect(stdout).toMatch(/nothing newer yet: generation 1 .*; something newer is on its way to near/);
    expect((await on(untold, "status")).stdout).toContain("but something newer is on its way there");
    const told = await agentOf(sources, { patience: 50 }, { installed: 1 });
    const { report } = await runUpdate(told, { told: { content: await versionOf(2) } });
    expect(report.attempts).toMatchObject([
      { name: "near", outcome: "current" },
      { name: "next", outcome: "delivered" },
    ]);
    await expectInstalled(told, 2, ["rules", "pattern"]);
  });

  test("and dies is followed by the next source at once", async () => {
    const { origin, asked } = await holdingSource(2, [large]);
    const next = await source(2);
    const relay = await startTestRelay(stage.world, { upstream: origin.url });
    relay.relay.refresh();
    await asked;
    const agent = await agentOf({ near: relay.url, next: next.url });
    let closed: Promise<void> | undefined;
    const onEvent = ({ type }: UpdateEvent) => {
      if (type === "waiting") closed ??= relay.close();
    };
    const { report } = await runUpdate(agent, { trigger: "schedule", onEvent });
    await closed;
    expect(report.attempts).toMatchObject([
      { name: "near", outcome: "failed", code: "CONNECTION_REFUSED", waited: { for: "filling" } },
      { name: "next", outcome: "delivered" },
    ]);
  });

  test("and is started again announces what it announced before, and goes on where it was", async () => {
    const { origin, asked } = await holdingSource(2, [large]);
    origin.root = stage.world.www(1);
    const first = await startTestRelay(stage.world, { upstream: origin.url });
    await first.relay.refresh();
    origin.root = stage.world.www(2);
    first.relay.refresh();
    await asked;
    await first.close();
    const again = await start({ upstream: "http://127.0.0.1:1", agent: first.agent });
    expect((await publicationOf(again)).version).toBe(await versionOf(1));
    expect((await ask(again.url, objectUrl(objectOf(1, "pattern")))).status).toBe(200);
    expect(
      origin.objects().filter(({ path: each }) => each === objectUrl(objectOf(1, "pattern"))),
    ).toHaveLength(1);
  });
});

describe("what agents were told of", () => {
  test("has an Update Agent ask upstream at once, however lately it did", async () => {
    const origin = await source(1);
    const relay = await start({ upstream: origin.url, relay: { maxStale: 3_600_000 } });
    await relay.relay.refresh();
    origin.root = stage.world.www(2);
    const agent = await agentOf({ near: relay.url }, {}, { installed: 1 });
    const told = { content: await versionOf(2) };
    // Right after it has asked, it is not asked to ask again.
    await expect
      .poll(async () => (await runUpdate(agent, { trigger: "notify", told })).report.outcome, {
        timeout: 30_000,
      })
      .toBe("updated");
    await expectInstalled(agent, 2, ["rules", "pattern"]);
  });

  test("and nobody has is no failure: what there is is as current as it can be had", async () => {
    const [near, next] = [await source(1), await source(1)];
    const agent = await agentOf({ near: near.url, next: next.url });
    const { report } = await runUpdate(agent, { told: { content: 1_000 } });
    expect(report).toMatchObject({ outcome: "updated", exitCode: 0, undelivered: [] });
    expect(report.attempts.map(({ name }) => name)).toEqual(["near", "next"]);
  });
});

describe("an Update Agent that is full", () => {
  test("is waited for, and gives its place when it has one", async () => {
    const origin = await source(2);
    const next = await source(2);
    const relay = await start({ upstream: origin.url, relay: { maxTransfers: 1 } });
    await relay.relay.refresh();
    // A reader that takes its time holds the only place.
    const holder = await fetch(relay.url + large);
    const agent = await agentOf({ near: relay.url, next: next.url }, {}, { components: ["rules"] });
    const onEvent = ({ type }: UpdateEvent) => type === "waiting" && void holder.body?.cancel();
    const { report } = await runUpdate(agent, { trigger: "schedule", onEvent });
    expect(report.attempts).toMatchObject([{ name: "near", outcome: "delivered", waited: { for: "full" } }]);
  });
});

describe("an Update Agent that cannot complete a publication", () => {
  test("answers for no older one after relay.maxLag, says why, and still has the objects of before", async () => {
    const origin = await source(1, {
      answer: ({ url }, response) => {
        if (url !== large) return false;
        response.writeHead(404).end();
        return true;
      },
    });
    const relay = await start({ upstream: origin.url, relay: { maxLag: 0 } });
    await relay.relay.refresh();
    origin.root = stage.world.www(2);
    relay.relay.refresh();
    await expect
      .poll(async () => (await ask(relay.url, timestamp)).headers["nearsource-state"], { timeout: 20_000 })
      .toBe("late");
    const answer = await ask(relay.url, timestamp);
    expect([answer.status, answer.headers["retry-after"]]).toEqual([503, "60"]);
    expect((await ask(relay.url, objectUrl(objectOf(1, "pattern")))).status).toBe(200);
    expect(relay.relay.health()).toMatchObject({ serving: false, reason: expect.stringContaining("newest") });
    expect((await relay.relay.metrics()).body).toContain("nearsource_relay_serving 0\n");
    expect(
      relay.lines.filter((line) => line.includes("could not fetch the newest publication in time")),
    ).toHaveLength(1);
    // Its clients do not wait for it.
    const next = await source(2);
    const agent = await agentOf({ near: relay.url, next: next.url });
    const { report } = await runUpdate(agent, { trigger: "schedule" });
    expect(report.attempts).toMatchObject([
      { name: "near", code: "SOURCE_BUSY" },
      { name: "next", outcome: "delivered" },
    ]);
    expect(report.attempts[0]).not.toHaveProperty("waited");
  });

  test("asks upstream once for what it lacks, however many ask here in these seconds", async () => {
    const missing = objectUrl(objectOf(1, "pattern"));
    const origin = await source(2, {
      answer: ({ url }, response) => {
        if (url !== missing) return false;
        response.writeHead(404).end();
        return true;
      },
    });
    const relay = await start({ upstream: origin.url, relay: { maxPerClient: 100 } });
    await relay.relay.refresh();
    for (let index = 0; index < 20; index++) {
      const { status, headers } = await ask(relay.url, missing);
      expect([status, headers["nearsource-state"]]).toEqual([503, "unavailable"]);
    }
    expect(origin.objects().filter(({ path: each }) => each === missing)).toHaveLength(1);
    expect(relay.lines.filter((line) => line.includes("filling"))).toHaveLength(1);
  });
});

test("what is missing gets less with what comes, and not only by whole blocks", async () => {
  const rest = Promise.withResolvers<void>();
  open.push({ close: async () => rest.resolve() });
  const origin = await source(2, {
    answer: async ({ url }, response) => {
      if (url !== large) return false;
      response.writeHead(200, { "content-length": LARGE }).write(bytes.subarray(0, 3_000_000));
      await rest.promise;
      response.end(bytes.subarray(3_000_000));
      return true;
    },
  });
  const relay = await start({ upstream: origin.url });
  relay.relay.refresh();
  await expect.poll(() => relay.relay.health().missingBytes, { timeout: 30_000 }).toBe(LARGE - 3_000_000);
});

describe("an object on its way", () => {
  test("that comes in blocks is begun to be sent before its first block is here", async () => {
    const rest = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const origin = await source(2, {
      answer: async ({ url }, response) => {
        if (url !== large) return false;
        response.writeHead(200, { "content-length": LARGE });
        // Fast enough that a block takes no time to speak of, and yet the first is not whole.
        for (let at = 0; at < 4_000_000; at += 100_000) {
          response.write(bytes.subarray(at, at + 100_000));
          await new Promise((go) => setTimeout(go, 10));
        }
        begun.resolve();
        await rest.promise;
        response.end(bytes.subarray(4_000_000));
        return true;
      },
    });
    const relay = await start({ upstream: origin.url });
    relay.relay.refresh();
    await begun.promise;
    const response = await fetch(relay.url + large);
    expect([response.status, response.headers.get("content-length")]).toEqual([200, String(LARGE)]);
    rest.resolve();
    expect(sha256(Buffer.from(await response.arrayBuffer()))).toBe(objectOf(2, "pattern"));
  });
});

test("a file that nobody is answered with any more gives its room back while it is still being kept open", async () => {
  const origin = await source(1);
  const relay = await start({ upstream: origin.url });
  await relay.relay.refresh();
  const stale = objectOf(1, "rules");
  // It is open from now on.
  expect((await ask(relay.url, objectUrl(stale))).status).toBe(200);
  const isOpen = async () => {
    const files = await fs.readdir("/proc/self/fd");
    const names = await Promise.all(
      files.map((file) => fs.readlink(`/proc/self/fd/${file}`).catch(() => "")),
    );
    return names.some((name) => name.includes(stale));
  };
  expect(await isOpen()).toBe(true);
  relay.relay.grant(["programs"]);
  await relay.relay.refresh();
  await expect.poll(isOpen).toBe(false);
});

describe("the order of a fill", () => {
  let deltas: World;
  beforeAll(async () => {
    deltas = await makeWorld({ contents: (publication) => history(publication), deltas: 2 });
  });
  afterAll(() => deltas.remove());

  test("begins with what turns the release before into this one, and what no delta leads to", async () => {
    const origin = await startSource(deltas.www(3));
    open.push(origin);
    const relay = await startTestRelay(deltas, { upstream: origin.url });
    open.push(relay);
    await relay.relay.refresh();
    const manifests = await fs.readdir(path.join(deltas.www(3), "content/targets/components"));
    const newest = (
      await Promise.all(
        manifests.map(async (name) =>
          JSON.parse(await fs.readFile(path.join(deltas.www(3), "content/targets/components", name), "utf8")),
        ),
      )
    ).sort((a, b) => b.releases[0].release - a.releases[0].release)[0];
    const bases = new Set(newest.releases[1].files.map((file: { sha256: string }) => file.sha256));
    const first = newest.releases[0].files.flatMap(
      (file: { alternatives?: { base?: string; sha256: string }[] }) =>
        (file.alternatives ?? [])
          .filter(({ base }) => base !== undefined && bases.has(base))
          .map((each) => each.sha256),
    );
    expect(first.length).toBeGreaterThan(1);
    const order = origin.objects().map(({ path: each }) => path.basename(each));
    expect(new Set(order.slice(0, first.length))).toEqual(new Set(first));
  });
});

describe("what the link has carried in one form", () => {
  let deltas: World;
  beforeAll(async () => {
    deltas = await makeWorld({ contents: (publication) => history(publication), deltas: 2 });
  });
  afterAll(() => deltas.remove());

  test("it does not carry in another: files are made of their compressed form, or of a delta", async () => {
    const origin = await startSource(deltas.www(1), { etags: true });
    open.push(origin);
    const relay = await startTestRelay(deltas, { upstream: origin.url });
    open.push(relay);
    await relay.relay.refresh();
    origin.root = deltas.www(2);
    await relay.relay.refresh();
    expect(relay.relay.health()).toMatchObject({ missing: 0 });
    const files = Object.values(history(2)).map(sha256);
    const asked = origin.objects().map(({ path: each }) => path.basename(each));
    const [rules, engine] = files;
    expect(asked).not.toContain(rules);
    expect(asked).not.toContain(engine);
    expect(relay.relay.stats().made).toBeGreaterThanOrEqual(3);
    for (const [index, bytes] of Object.values(history(2)).entries()) {
      const { body } = await ask(relay.url, objectUrl(files[index] ?? ""));
      expect(sha256(body)).toBe(sha256(bytes));
    }
  });

  test("and is damaged here is fetched as it is", async () => {
    const origin = await startSource(deltas.www(2));
    open.push(origin);
    const relay = await startTestRelay(deltas, { upstream: origin.url });
    open.push(relay);
    await relay.relay.refresh();
    const [rules = Buffer.alloc(0)] = Object.values(history(2));
    const dirs = dataDirAt(path.join(relay.agent.dataDir, "relay"));
    // Of all that it could be made of, nothing is left as it was.
    for (const { file, name } of await storedFiles(dirs)) {
      await fs.chmod(file, 0o644);
      if (name === sha256(rules)) await fs.rm(file);
      else await fs.writeFile(file, Buffer.alloc((await fs.stat(file)).size));
    }
    const { body } = await ask(relay.url, objectUrl(sha256(rules)));
    expect(sha256(body)).toBe(sha256(rules));
  });
});

async function storedFiles({ store }: ReturnType<typeof dataDirAt>) {
  const entries = await fs.readdir(store, { recursive: true, withFileTypes: true });
  return entries
    .filter((each) => each.isFile())
    .map(({ name, parentPath }) => ({ name, file: path.join(parentPath, name) }));
}

test("an object that is altered before it is first read is not served, but fetched again", async () => {
  const origin = await source(2);
  const relay = await start({ upstream: origin.url });
  await relay.relay.refresh();
  const file = storePath(dataDirAt(path.join(relay.agent.dataDir, "relay")), objectOf(2, "pattern"));
  const { mtime, atime } = await fs.stat(file);
  await fs.chmod(file, 0o644);
  const handle = await fs.open(file, "r+");
  await handle.write(Buffer.from("damage"), 0, 6, 5_000_000);
  await handle.close();
  await fs.utimes(file, atime, mtime);
  const { body } = await ask(relay.url, large);
  expect(body.equals(bytes)).toBe(true);
});

describe("an agent that is an Update Agent too", () => {
  test.for(["the relay first", "the run first", "together"])("fetches each object once: %s", async (turn) => {
    const { origin, agent } = await makeUpdateAgent();
    const relay = await start({ upstream: origin.url, agent });
    const fill = () => relay.relay.refresh();
    const run = async () => expect((await runUpdate(agent)).report.outcome).toBe("updated");
    if (turn === "together") await Promise.all([fill(), run()]);
    else for (const step of turn === "the relay first" ? [fill, run] : [run, fill]) await step();
    await expectInstalled(agent, 2, ["rules", "pattern"]);
    const held = dataDirAt(path.join(agent.dataDir, "relay"));
    expect(await inStore(held, { sha256: objectOf(2, "pattern"), length: LARGE })).toBe(true);
    const asked = origin.objects().map(({ path: each }) => each);
    expect(asked.toSorted()).toEqual([...new Set(asked)].toSorted());
  });
});

describe("what the one of an agent and its Update Agent has begun to fetch", () => {
  test.for(["run", "relay"])("the other goes on with, when it was the %s that ended", async (first) => {
    const half = LARGE >> 1;
    const begun = Promise.withResolvers<void>();
    const { origin, agent } = await makeUpdateAgent(({ url, headers }, response) => {
      if (url !== large || headers.range !== undefined) return false;
      response.writeHead(200, { "content-length": LARGE }).write(bytes.subarray(0, half));
      begun.resolve();
      return true;
    });
    const held = dataDirAt(first === "run" ? agent.dataDir : path.join(agent.dataDir, "relay"));
    const part = partialPath(held, { sha256: objectOf(2, "pattern"), length: LARGE });
    const has = async () => (await fs.stat(part).catch(() => ({ size: 0 }))).size;
    const ending = new AbortController();
    const relay =
      first === "relay" ? await startTestRelay(stage.world, { upstream: origin.url, agent }) : undefined;
    const ended =
      relay === undefined
        ? runUpdate(agent, { signal: ending.signal }).catch(() => {})
        : relay.relay.refresh();
    await begun.promise;
    await expect.poll(has, { timeout: 10_000 }).toBeGreaterThan(half >> 1);
    ending.abort();
    await relay?.close();
    await ended;
    if (relay === undefined) await (await start({ upstream: origin.url, agent })).relay.refresh();
    else expect((await runUpdate(agent)).report.outcome).toBe("updated");
    const asked = origin.objects().filter(({ path: each }) => each === large);
    expect(asked).toHaveLength(2);
    expect(Number(asked[1]?.range?.match(/\d+/)?.[0])).toBeGreaterThan(half >> 1);
  });
});

/** An endpoint whose settings make it an Update Agent, and the source of everything. */
async function makeUpdateAgent(answer?: SourceOptions["answer"]) {
  const www = await fs.mkdtemp(path.join(stage.world.folder, "office-"));
  await fs.cp(stage.world.www(2), www, { recursive: true });
  await initRepository({ dir: www, repository: "settings" });
  const agentId = "0b5c";
  const file = path.join(stage.world.folder, "update-agents.json");
  await writeJson(file, { agents: [{ id: agentId, kinds: ["components"] }] });
  await setDocument({ dir: www, name: "update-agents", file });
  const origin = await startSource(www, answer && { answer });
  open.push(origin);
  const agent = await makeAgent(stage.world, {
    sources: { origin: origin.url },
    components: ["rules", "pattern"],
    config: {
      server: origin.url,
      roots: { content: "root.json", settings: path.join(www, "settings/metadata/1.root.json") },
      relay: { minFree: 0 },
    },
  });
  await openDataDir(agent.dataDir);
  await writeJson(path.join(agent.dataDir, "state.json"), { agentId, fresh: {}, failed: {}, etags: {} });
  return { origin, agent };
}
