import { promises as fs } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { dataDirAt } from "../../../src/store/dataDir.ts";
import { storePath } from "../../../src/store/store.ts";
import {
  ask,
  objectUrl,
  startersFor,
  startTestRelay,
  type TestRelay,
  type TestRelayOptions,
} from "../../support/relay.ts";
import {
  expectInstalled,
  LARGE,
  makeAgent,
  objectOf,
  payload,
  runUpdate,
  sharedWorld,
} from "../../support/world.ts";

const stage = sharedWorld({ large: true });

const { open, source, start } = startersFor(stage);

const timestamp = "/content/metadata/timestamp.json";
const large = objectUrl(objectOf(2, "pattern"));
const bytes = payload(2, "pattern")["pattern.bin"] ?? Buffer.alloc(0);

/** Path of an object in an Update Agent's own store. */
function stored(relay: TestRelay, sha256: string): string {
  return storePath(dataDirAt(path.join(relay.agent.dataDir, "relay")), sha256);
}

/** Opens a gate that a source waits at. */
function gate(): { wait: Promise<void>; open: () => void } {
  let go = () => {};
  const wait = new Promise<void>((resolve) => {
    go = resolve;
  });
  return { wait, open: () => go() };
}

/** Has asked upstream for its metadata, and for no object. */
async function withMetadata(options: TestRelayOptions): Promise<TestRelay> {
  const relay = await start(options);
  await ask(relay.url, timestamp);
  return relay;
}

describe("what an Update Agent lacks", () => {
  test("is fetched once, however many ask for it at the same time", async () => {
    const [held, first] = [gate(), gate()];
    const origin = await source(2, {
      answer: async ({ url = "" }) => {
        if (!url.startsWith("/content/objects/")) return false;
        first.open();
        await held.wait;
        return false;
      },
    });
    // The fill ahead of demand asks too, and is one of the many.
    const relay = await withMetadata({ upstream: origin.url, relay: { maxPerClient: 100 } });
    const answers = Array.from({ length: 50 }, () => ask(relay.url, large));
    await first.wait;
    held.open();
    for (const { status, body } of await Promise.all(answers)) {
      expect([status, body.equals(bytes)]).toEqual([200, true]);
    }
    expect(origin.requests.filter(({ path: asked }) => asked === large).length).toBe(1);
  });

  test("is handed on block by block, while the rest is still on its way", async () => {
    const rest = gate();
    const origin = await source(2, {
      answer: async ({ url }, response) => {
        if (url !== large) return false;
        response.writeHead(200, { "content-length": LARGE }).write(bytes.subarray(0, 5_000_000));
        await rest.wait;
        response.end(bytes.subarray(5_000_000));
        return true;
      },
    });
    const relay = await withMetadata({ upstream: origin.url });
    const part = await ask(relay.url, large, { headers: { range: "bytes=0-4194303" } });
    expect(part.body.equals(bytes.subarray(0, 4_194_304))).toBe(true);
    const all = ask(relay.url, large);
    rest.open();
    expect((await all).body.equals(bytes)).toBe(true);
  });

  test("and cannot get is 503 and no 404: the client goes on, and may come back", async () => {
    const origin = await source(2, {
      answer: ({ url = "" }, response) => {
        if (!url.startsWith("/content/objects/")) return false;
        response.writeHead(403).end();
        return true;
      },
    });
    const relay = await withMetadata({ upstream: origin.url });
    const answer = await ask(relay.url, large);
    expect([answer.status, answer.headers["retry-after"]]).toEqual([503, "10"]);
  });

  test("is taken from the agent's own store, hashed, and fetched where that is damaged", async () => {
    const origin = await source(2);
    const relay = await start({ upstream: origin.url, installed: 2, components: ["rules", "pattern"] });
    const own = storePath(dataDirAt(relay.agent.dataDir), objectOf(2, "rules"));
    await fs.chmod(own, 0o644);
    await fs.writeFile(own, Buffer.alloc((await fs.stat(own)).size));
    await relay.relay.refresh();
    const asked = origin.objects().map(({ path: each }) => each);
    expect(asked).toContain(objectUrl(objectOf(2, "rules")));
    expect(asked).not.toContain(large);
    expect((await fs.stat(stored(relay, objectOf(2, "pattern")))).nlink).toBeGreaterThan(1);
    expect((await ask(relay.url, large)).body.equals(bytes)).toBe(true);
  });
});

describe("H6: an upstream", () => {
  test("that sends other bytes is found out after one block, and none of them leave", async () => {
    const lies = await source(2, {
      answer: ({ url }, response) => {
        if (url !== large) return false;
        const altered = Buffer.from(bytes);
        altered[5_000_000] = (altered[5_000_000] ?? 0) ^ 1;
        response.writeHead(200, { "content-length": LARGE }).end(altered);
        return true;
      },
    });
    const honest = await source(2);
    const relay = await withMetadata({ upstream: [lies.url, honest.url] });
    expect((await ask(relay.url, large)).body.equals(bytes)).toBe(true);
    expect(honest.requests.find(({ path: each }) => each === large)?.range).toBe("bytes=4194304-");
    expect(relay.lines.join("\n")).toContain("HASH_MISMATCH");
  });

  test("that dies in mid-transfer is followed by the next, and who is waiting does not notice", async () => {
    const dies = await source(2, {
      answer: ({ url }, response) => {
        if (url !== large) return false;
        response.writeHead(200, { "content-length": LARGE });
        response.write(bytes.subarray(0, 6_000_000), () => response.destroy());
        return true;
      },
    });
    const relay = await withMetadata({ upstream: [dies.url, (await source(2)).url] });
    expect((await ask(relay.url, large)).body.equals(bytes)).toBe(true);
  });

  test("that is behind changes nothing of what is served", async () => {
    const ahead = await source(3);
    const relay = await start({ upstream: ahead.url, relay: { maxStale: 0 } });
    await relay.relay.refresh();
    const newest = (await ask(relay.url, timestamp)).body;
    ahead.root = stage.world.www(2);
    await relay.relay.refresh();
    expect((await ask(relay.url, timestamp)).body.equals(newest)).toBe(true);
    expect(relay.lines.join("\n")).toContain("METADATA_OLDER");
  });

  test("that publishes in mid-transfer leaves the names of before answered, and those who read them finish", async () => {
    const origin = await source(1);
    const relay = await start({ upstream: origin.url, relay: { maxStale: 0 } });
    await relay.relay.refresh();
    const before = (await fs.readdir(path.join(stage.world.www(1), "content", "metadata"))).filter((name) =>
      /^\d+\.(?:snapshot|targets|components)\.json$/.test(name),
    );
    const status = async () => {
      const answers = before.map((name) => ask(relay.url, `/content/metadata/${name}`));
      return (await Promise.all(answers)).map((each) => each.status);
    };
    const found = await status();
    expect(found.filter((each) => each === 200).length).toBe(3);
    origin.root = stage.world.www(2);
    await ask(relay.url, timestamp);
    expect(relay.relay.health().repositories.content?.version).toBeGreaterThan(1);
    expect(await status()).toEqual(found);
  });

  test("that is silent costs those who ask nothing but a moment: what is held is served", async () => {
    const origin = await source(2);
    const relay = await start({
      upstream: origin.url,
      relay: { maxStale: 0 },
      config: { http: { responseTimeout: 600, connectTimeout: 600 } },
    });
    await relay.relay.refresh();
    const held = (await ask(relay.url, timestamp)).body;
    await origin.close();
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(relay.url, timestamp)));
    for (const { status, body } of answers) expect([status, body.equals(held)]).toEqual([200, true]);
  });
});

describe("a timestamp", () => {
  test("that is older than maxStale is confirmed upstream once for all who ask", async () => {
    const origin = await source(2, { etags: true });
    const relay = await start({ upstream: origin.url, relay: { maxStale: 30_000 } });
    const count = () => origin.requests.filter(({ path: each }) => each === timestamp).length;
    const many = () => Promise.all(Array.from({ length: 30 }, () => ask(relay.url, timestamp)));
    await many();
    expect(count()).toBe(1);
    await relay.relay.refresh();
    expect(count()).toBe(2);
    expect((await many()).map(({ status }) => status)).toEqual(Array(30).fill(200));
    expect(count()).toBe(2);
  });
});

describe("H7: a stored object", () => {
  const damages: [string, (file: string) => Promise<void>][] = [
    ["altered in one byte", async (file) => overwrite(file, 4_500_000)],
    ["cut short", async (file) => truncate(file)],
    ["missing", (file) => fs.rm(file)],
    ["a link to another", async (file) => fs.rm(file).then(() => fs.symlink("/etc/passwd", file))],
    ["a folder", async (file) => fs.rm(file).then(() => fs.mkdir(file))],
  ];
  test.for(damages)(
    "that is %s when the Update Agent starts is not served, but fetched again",
    async ([, damage]) => {
      const origin = await source(2);
      const first = await startTestRelay(stage.world, { upstream: origin.url });
      await first.relay.refresh();
      await first.close();
      const asked = origin.objects().length;
      await damage(stored(first, objectOf(2, "pattern")));
      const start2 = startTestRelay(stage.world, { upstream: origin.url, agent: first.agent });
      const relay = await start2.catch((error) => error.code as string);
      if (typeof relay === "string") {
        // A link in the place of a file is an administrator's to look at.
        expect(relay).toBe("STORAGE_UNSAFE");
        return;
      }
      open.push(relay);
      expect((await ask(relay.url, large)).body.equals(bytes)).toBe(true);
      expect(origin.objects().length).toBe(asked + 1);
    },
  );

  test("that is altered while it is served is noticed: what was read stays right", async () => {
    const origin = await source(2);
    const relay = await start({ upstream: origin.url });
    await relay.relay.refresh();
    await ask(relay.url, large, { headers: { range: "bytes=0-1" } });
    const file = stored(relay, objectOf(2, "pattern"));
    await overwrite(file, 8_000_000);
    expect((await ask(relay.url, large)).body.equals(bytes)).toBe(true);
    expect(relay.relay.stats().quarantined).toBe(1);
    const kept = await fs.readdir(path.join(relay.agent.dataDir, "relay", "quarantine"));
    expect(kept).toEqual([objectOf(2, "pattern")]);
    expect((await fs.readFile(stored(relay, objectOf(2, "pattern")))).equals(bytes)).toBe(true);
  });

  test("whose metadata was altered on disk is not served before a refresh", async () => {
    const origin = await source(2);
    const first = await startTestRelay(stage.world, { upstream: origin.url });
    await first.relay.refresh();
    await first.close();
    const home = path.join(first.agent.dataDir, "relay", "metadata", "content");
    const [set = ""] = await fs.readdir(home);
    const file = path.join(home, set, "components.json");
    await fs.writeFile(file, (await fs.readFile(file, "utf8")).replace(/"version":\d+/, '"version":999'));
    await origin.close();
    const relay = await start({ upstream: origin.url, agent: first.agent });
    expect((await ask(relay.url, timestamp)).status).toBe(503);
    expect((await ask(relay.url, large)).status).toBe(404);
  });

  test("and metadata that are whole are served at once after a start, with nobody upstream", async () => {
    const origin = await source(2);
    const first = await startTestRelay(stage.world, { upstream: origin.url });
    await first.relay.refresh();
    await first.close();
    await origin.close();
    const relay = await start({ upstream: origin.url, agent: first.agent });
    const agent = await makeAgent(stage.world, {
      sources: { near: relay.url },
      components: ["rules", "pattern"],
    });
    expect((await runUpdate(agent)).report.outcome).toBe("updated");
    await expectInstalled(agent, 2, ["rules", "pattern"]);
  });
});

async function overwrite(file: string, position: number): Promise<void> {
  await fs.chmod(file, 0o644);
  const handle = await fs.open(file, "r+");
  await handle.write(Buffer.from("damage"), 0, 6, position);
  await handle.close();
}

async function truncate(file: string): Promise<void> {
  await fs.chmod(file, 0o644);
  await fs.truncate(file, 1_000);
}

describe("Update Agents in a chain", () => {
  test("pass on what the last of them fetched, each once", async () => {
    const origin = await source(2);
    const [far] = [await start({ upstream: origin.url })];
    const near = await start({ upstream: far.url });
    const agent = await makeAgent(stage.world, {
      sources: { near: near.url },
      components: ["rules", "pattern"],
    });
    expect((await runUpdate(agent)).report.outcome).toBe("updated");
    await expectInstalled(agent, 2, ["rules", "pattern"]);
    await Promise.all([near.relay.refresh(), far.relay.refresh()]);
    const counts = new Map<string, number>();
    for (const { path: each } of origin.objects()) counts.set(each, (counts.get(each) ?? 0) + 1);
    expect([...counts.values()].filter((count) => count > 1)).toEqual([]);
  });

  test("E11: that lead to each other are found out by Via, and both come to the source behind", async () => {
    const origin = await source(1);
    const one = await start({ upstream: [origin.url], relay: { maxStale: 0 } });
    const other = await start({ upstream: [one.url, origin.url], relay: { maxStale: 0 } });
    await rewriteUpstreams(one, [other.url, origin.url]);
    await one.relay.refresh();
    origin.root = stage.world.www(2);
    await one.relay.refresh();
    await other.relay.refresh();
    const newest = await fs.readFile(path.join(stage.world.www(2), timestamp));
    for (const relay of [one, other]) {
      // One of them may wait for the other, that fills, and says so.
      const isNewest = async () => (await ask(relay.url, timestamp)).body.equals(newest);
      await expect.poll(isNewest, { timeout: 30_000 }).toBe(true);
      expect((await ask(relay.url, large)).body.equals(bytes)).toBe(true);
    }
    expect(one.relay.stats().refusals.loop + other.relay.stats().refusals.loop).toBeGreaterThan(0);
  });

  test("E11: a request that came through three is refused with 508", async () => {
    const relay = await start({ upstream: (await source(2)).url });
    await relay.relay.refresh();
    const through = (via: string) => ask(relay.url, timestamp, { headers: { via } });
    expect((await through("1.1 a, 1.1 b")).status).toBe(200);
    expect((await through("1.1 a, 1.1 b, 1.1 c")).status).toBe(508);
  });
});

/** An endpoint's list as it will be read at the next refresh. */
async function rewriteUpstreams({ agent }: TestRelay, urls: string[]): Promise<void> {
  const entries = urls.map((url, index) => ({ range: "127.0.0.0/8", name: `upstream-${index}`, url }));
  await fs.writeFile(
    path.join(agent.folder, "list.json"),
    JSON.stringify({ version: 2, entries, serverFallback: { enabled: false } }),
  );
}
