import { promises as fs } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { ContentKind } from "../../../src/core/content/kind.ts";
import { objectPath } from "../../../src/core/content/layout.ts";
import { addRelease } from "../../../src/publisher/addRelease.ts";
import { initRepository } from "../../../src/publisher/init.ts";
import { startSource, type TestSource } from "../../support/source.ts";
import {
  type Agent,
  closeAll,
  expectInstalled,
  expectTidy,
  makeAgent,
  objectOf,
  readTree,
  runUpdate,
  sharedWorld,
  writeJson,
} from "../../support/world.ts";
import { meetUrl } from "../faults/meet.ts";
import { copyOf } from "./forge.ts";

const stage = sharedWorld();

const open: TestSource[] = [];
afterEach(() => closeAll(open));

/** Publication 3, genuine, but for the files whose path matches `withheld`. */
async function serve(withheld: RegExp, status = 404, www = stage.world.www(3)): Promise<TestSource> {
  const source = await startSource(www, {
    answer: ({ url = "" }, response) => {
      if (!withheld.test(url)) return false;
      response.writeHead(status, { "content-length": 0 }).end();
      return true;
    },
  });
  open.push(source);
  return source;
}

/** The version of the trusted timestamp: publication 1 has 2, and so on. */
async function trustedTimestamp(agent: Agent): Promise<number> {
  const files = await readTree(path.join(agent.dataDir, "metadata/content"));
  const [, bytes] = Object.entries(files).find(([name]) => path.basename(name) === "timestamp.json") ?? [];
  return JSON.parse(`${bytes}`).signed.version;
}

const withheld = [
  ["the snapshot", /snapshot\.json$/],
  ["the role of the components", /components\.json$/],
  ["a manifest", /\.rules\.json$/],
  ["everything but the timestamp", /(snapshot|targets|components|programs)\.json$|\/targets\//],
] as const;

describe("a source that shows a genuine new timestamp and withholds", () => {
  test.for(withheld)("%s makes nothing trusted: a source one step behind still serves", async ([, files]) => {
    const source = await serve(files);
    const { agent } = await meetUrl(stage.world, source.url, { code: "HTTP_NOT_FOUND", installed: 1 });
    expect(await trustedTimestamp(agent)).toBe(3);
  });

  test.for(withheld)("%s, every day, changes nothing", async ([, files]) => {
    const source = await serve(files);
    const agent = await makeAgent(stage.world, { sources: { source: source.url }, installed: 1 });
    for (let day = 0; day < 3; day++) {
      const { report } = await runUpdate(agent);
      expect(report).toMatchObject({ outcome: "exhausted", exitCode: 4, generation: 1 });
      expect(await trustedTimestamp(agent)).toBe(2);
    }
    await expectInstalled(agent, 1);
    await expectTidy(agent);
  });

  test("the targets, which did not change, is not even asked for them", async () => {
    const source = await serve(/targets\.json$/);
    const agent = await makeAgent(stage.world, { sources: { source: source.url }, installed: 1 });
    expect((await runUpdate(agent)).report.outcome).toBe("updated");
    await expectInstalled(agent, 3);
  });

  test("a role that this agent does not use keeps nothing from it", async () => {
    const source = await serve(/programs\.json$/);
    const agent = await makeAgent(stage.world, { sources: { source: source.url } });
    expect((await runUpdate(agent)).report.outcome).toBe("updated");
    await expectInstalled(agent, 3);
  });
});

describe("the objects of a source", () => {
  test("that are missing leave its metadata trusted, and the next source delivers them", async () => {
    const source = await serve(/objects/);
    const good = await serve(/^$/);
    const agent = await makeAgent(stage.world, {
      sources: { source: source.url, good: good.url },
      installed: 1,
    });
    const { report } = await runUpdate(agent);
    expect(report.attempts.map(({ code }) => code)).toEqual(["HTTP_NOT_FOUND", undefined]);
    await expectInstalled(agent, 3);
  });

  test("are used although its metadata is behind, since they are named by their hash", async () => {
    const www = await copyOf(stage.world, 2);
    const source = await serve(/objects/);
    for (const [name, bytes] of Object.entries(
      await readTree(path.join(stage.world.www(3), "content/objects")),
    )) {
      await fs.mkdir(path.dirname(path.join(www, "content/objects", name)), { recursive: true });
      await fs.writeFile(path.join(www, "content/objects", name), bytes);
    }
    const behind = await serve(/^$/, 404, www);
    const agent = await makeAgent(stage.world, {
      sources: { source: source.url, behind: behind.url },
      installed: 1,
    });
    const { report, lines } = await runUpdate(agent);
    expect(report).toMatchObject({
      outcome: "updated",
      attempts: [{ code: "HTTP_NOT_FOUND" }, { name: "behind", outcome: "delivered" }],
    });
    expect(lines.some(({ message }) => message.includes("is behind with its metadata"))).toBe(true);
    await expectInstalled(agent, 3);
    await expectTidy(agent);
  });

  test("are not looked for at a source that is behind when nothing is missing", async () => {
    const behind = await serve(/^$/, 404, stage.world.www(1));
    const agent = await makeAgent(stage.world, { sources: { behind: behind.url }, installed: 2 });
    const { report } = await runUpdate(agent);
    expect(report).toMatchObject({ outcome: "exhausted", attempts: [{ code: "METADATA_OLDER" }] });
    expect(behind.objects()).toEqual([]);
    await expectInstalled(agent, 2);
  });

  test("that one source has of two are kept when it lacks the other", async () => {
    const source = await serve(new RegExp(objectPath(objectOf(3, "rules"))));
    const good = await serve(/^$/);
    const agent = await makeAgent(stage.world, {
      sources: { source: source.url, good: good.url },
      installed: 1,
    });
    await runUpdate(agent);
    await expectInstalled(agent, 3);
    expect(good.objects().map(({ status }) => status)).toEqual([200]);
  });
});

describe("manifests that the trusted snapshot no longer names", () => {
  test("decide nothing: a source that is behind is passed over for the kind, and the current one asked", async () => {
    const { root, states } = await twoKinds();
    const lacking = await serve(/objects/, 404, states.first);
    const [components, behind, current] = await Promise.all([
      serve(/^$/, 404, states.last),
      serve(/^$/, 404, states.second),
      serve(/^$/, 404, states.last),
    ]);
    const agent = await makeAgent(stage.world, {
      sources: {},
      root,
      config: TWO_KINDS,
    });
    const entry = (name: string, { url }: TestSource, kinds: string[]) => ({
      range: "127.0.0.1",
      name,
      url,
      kinds,
    });
    const entries = [
      entry("lacking", lacking, ["programs"]),
      entry("components", components, ["components"]),
      entry("behind", behind, ["programs"]),
      entry("current", current, ["programs"]),
    ];
    await writeJson(path.join(agent.folder, "list.json"), { entries, serverFallback: { enabled: false } });
    const { report } = await runUpdate(agent);
    expect(report.attempts.map(({ name, code }) => [name, code])).toEqual([
      ["lacking", "HTTP_NOT_FOUND"],
      ["components", undefined],
      ["behind", "METADATA_OLDER"],
      ["current", undefined],
    ]);
    expect(report.installed).toMatchObject([{ component: "rules" }, { component: "agent", toVersion: "2" }]);
  });
});

describe("a run that cannot have all", () => {
  test("leaves no more generations than are to be kept, and no object that nobody needs", async () => {
    const { root, states } = await twoKinds();
    const components = await serve(/^$/, 404, states.first);
    const config = { ...TWO_KINDS, keepGenerations: 1 };
    const agent = await makeAgent(stage.world, { sources: { components: components.url }, root, config });
    expect((await runUpdate(agent)).report.outcome).toBe("partial");
    components.root = states.last;
    expect((await runUpdate(agent)).report).toMatchObject({ outcome: "partial", generation: 2 });
    expect(await fs.readdir(path.join(agent.dataDir, "generations"))).toEqual(["2"]);
    expect(Object.values(await readTree(path.join(agent.dataDir, "store"))).map(String)).toEqual(["rules 2"]);
  });
});

test("an object that a dead run left in the store is swept by a run that finds nothing new", async () => {
  const source = await serve(/^$/);
  const agent = await makeAgent(stage.world, { sources: { source: source.url } });
  await runUpdate(agent);
  const left = path.join(agent.dataDir, "store", "ab", `ab${"0".repeat(62)}`);
  await fs.mkdir(path.dirname(left), { recursive: true });
  await fs.writeFile(left, "left");
  expect((await runUpdate(agent)).report.outcome).toBe("current");
  await expect(fs.stat(left)).rejects.toThrow("ENOENT");
});

const TWO_KINDS = { kinds: ["components", "programs"], components: ["rules", "agent"] };

/** Three publications of a component and a program, of which each has one thing newer than the one before. */
async function twoKinds() {
  const folder = await fs.mkdtemp(path.join(stage.world.folder, "two-kinds-"));
  const dir = path.join(folder, "www");
  await initRepository({ dir, repository: "content" });
  const publish = async (kind: ContentKind, name: string, version: string, state: string) => {
    const file = path.join(folder, "payload");
    await fs.writeFile(file, `${name} ${version}`);
    await addRelease({ dir, kind, name, version, path: file });
    await fs.cp(dir, path.join(folder, state), { recursive: true });
    return path.join(folder, state);
  };
  await publish("components", "rules", "1", "before");
  const states = {
    first: await publish("programs", "agent", "1", "first"),
    second: await publish("programs", "agent", "2", "second"),
    last: await publish("components", "rules", "2", "last"),
  };
  return { root: path.join(dir, "content", "metadata", "1.root.json"), states };
}

describe("the time of a run", () => {
  const days = (count: number) => new Date(Date.now() + count * 86_400_000);

  test("in which the timestamp has expired refuses the very metadata that is trusted", async () => {
    const source = await serve(/^$/);
    const agent = await makeAgent(stage.world, { sources: { source: source.url } });
    await runUpdate(agent);
    const { report } = await runUpdate(agent, { now: days(20) });
    expect(report).toMatchObject({ outcome: "exhausted", attempts: [{ code: "METADATA_EXPIRED" }] });
    await expectInstalled(agent, 3);
    expect((await runUpdate(agent)).report.outcome).toBe("current");
  });

  test("before any that has passed stops the run, and a little before does not", async () => {
    const source = await serve(/^$/);
    const agent = await makeAgent(stage.world, { sources: { source: source.url }, installed: 1 });
    await expect(runUpdate(agent, { now: new Date(0) })).rejects.toMatchObject({ code: "CLOCK_BEHIND" });
    await expect(runUpdate(agent, { now: days(-3) })).rejects.toMatchObject({ code: "CLOCK_BEHIND" });
    expect(source.requests).toEqual([]);
    expect((await runUpdate(agent, { now: days(-0.9) })).report.outcome).toBe("updated");
  });

  test.for(["2038-01-20T00:00:00Z", "2106-02-08T00:00:00Z", "9999-12-31T23:59:59Z"])(
    "in %s finds everything expired and breaks nothing",
    async (time) => {
      const source = await serve(/^$/);
      const agent = await makeAgent(stage.world, { sources: { source: source.url }, installed: 1 });
      const { report } = await runUpdate(agent, { now: new Date(time) });
      expect(report).toMatchObject({ outcome: "exhausted", attempts: [{ code: "METADATA_EXPIRED" }] });
      await expectInstalled(agent, 1);
      expect((await runUpdate(agent)).report.outcome).toBe("updated");
    },
  );
});
