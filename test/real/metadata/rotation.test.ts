import { promises as fs } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Repository } from "../../../src/core/content/layout.ts";
import { writeKeyPair } from "../../../src/publisher/keys.ts";
import { renewRepository } from "../../../src/publisher/renewRepository.ts";
import { publishRoot } from "../../../src/publisher/root/publishRoot.ts";
import { type DraftRootOptions, draftRoot, signRoot } from "../../../src/publisher/root/signRoot.ts";
import { addComponent, bump, newDraft, newSigners, seal, writeDraft } from "../../support/otherPublisher.ts";
import { startSource, type TestSource } from "../../support/source.ts";
import {
  type Agent,
  closeAll,
  expectInstalled,
  expectTidy,
  makeAgent,
  makeWorld,
  noise,
  readTree,
  runUpdate,
  type World,
} from "../../support/world.ts";
import { meetUrl } from "../faults/meet.ts";

let world: World;
/** Publication 3 with four roots: every online key was changed, and the root key too. */
let rotated: string;
beforeAll(async () => {
  world = await makeWorld();
  rotated = path.join(world.folder, "www");
  const newRootKey = path.join(world.folder, "new-root.pem");
  await writeKeyPair(newRootKey);
  const { root } = JSON.parse(await fs.readFile(world.root, "utf8")).signed.roles;
  await rotate({ rotate: ["timestamp"] }, []);
  await rotate({ addKeys: [`${newRootKey}.pub`], removeKeys: [root.keyids[0]] }, [newRootKey]);
  await rotate({ rotate: ["snapshot", "targets", "components"] }, [newRootKey], newRootKey);
  // Publications up to here are signed by the leaving keys too; this one is not.
  const now = new Date(Date.now() + 1_000);
  await renewRepository({ dir: rotated, repository, now, restored: true });
});
afterAll(() => world.remove());

const repository: Repository = "content";
const open: TestSource[] = [];
afterEach(() => closeAll(open));

async function rotate(
  options: Partial<DraftRootOptions>,
  keys: string[],
  own = path.join(world.keys, "root.pem"),
) {
  const out = await fs.mkdtemp(path.join(world.folder, "draft-"));
  const file = path.join(out, "root.json");
  await draftRoot({ dir: rotated, repository, out: file, ...options });
  for (const key of new Set([own, ...keys])) await signRoot({ file, key });
  await publishRoot({ dir: rotated, file });
}

async function serve(www: string, hidden = /^$/): Promise<TestSource> {
  const source = await startSource(www, {
    answer: ({ url = "" }, response) => {
      if (!hidden.test(url)) return false;
      response.writeHead(404, { "content-length": 0 }).end();
      return true;
    },
  });
  open.push(source);
  return source;
}

const rootsAsked = (source: TestSource) =>
  source.requests.flatMap((request) => request.path.match(/(\d+)\.root\.json$/)?.[1] ?? []).map(Number);

/** The cached files of the trusted set, by name. */
const cached = (agent: Agent) => readTree(path.join(agent.dataDir, "metadata/content"));

async function cachedFile(agent: Agent, name: string): Promise<string> {
  const found = Object.keys(await cached(agent)).find((file) => path.basename(file) === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return path.join(agent.dataDir, "metadata/content", found);
}

describe("keys that were rotated", () => {
  test("are followed root by root, once: the next run asks for the next root alone", async () => {
    const source = await serve(rotated);
    const agent = await makeAgent(world, { sources: { source: source.url }, installed: 1 });
    expect((await runUpdate(agent)).report.outcome).toBe("updated");
    await expectInstalled(agent, 3);
    expect(rootsAsked(source)).toEqual([2, 3, 4, 5]);
    source.requests.length = 0;
    expect((await runUpdate(agent)).report.outcome).toBe("current");
    expect(rootsAsked(source)).toEqual([5]);
    expect(source.requests.map((request) => path.basename(request.path))).toEqual([
      "5.root.json",
      "timestamp.json",
    ]);
    await expectTidy(agent);
  });

  test("are believed by an agent that ships with any of the roots", async () => {
    for (const version of [2, 3, 4]) {
      const source = await serve(rotated);
      const root = path.join(rotated, "content/metadata", `${version}.root.json`);
      const agent = await makeAgent(world, { sources: { source: source.url }, root });
      expect((await runUpdate(agent)).report.outcome).toBe("updated");
      expect(rootsAsked(source)[0]).toBe(version + 1);
    }
  });

  test("are believed by an agent that got a newer root with its program", async () => {
    const source = await serve(rotated);
    const agent = await makeAgent(world, { sources: { source: source.url }, installed: 2 });
    await runUpdate(agent);
    await fs.copyFile(
      path.join(rotated, "content/metadata/3.root.json"),
      path.join(agent.folder, "root.json"),
    );
    source.requests.length = 0;
    expect((await runUpdate(agent)).report.outcome).toBe("current");
    expect(rootsAsked(source)).toEqual([5]);
    await expectTidy(agent);
  });

  test.for([/\.root\.json$/, /\/2\.root\.json$/, /\/3\.root\.json$/])(
    "are not believed where a root is hidden (%s), and the next source shows it",
    async (hidden) => {
      const source = await serve(rotated, hidden);
      await meetUrl(world, source.url, { code: "SIGNATURE_INVALID", installed: 2, honest: rotated });
    },
  );

  test("do not let a source go back to before the rotation", async () => {
    const source = await serve(rotated);
    const old = await serve(world.www(3));
    const agent = await makeAgent(world, { sources: { source: source.url }, installed: 2 });
    await runUpdate(agent);
    const before = await cached(agent);
    source.root = old.root;
    const { report } = await runUpdate(agent);
    expect(report).toMatchObject({
      outcome: "exhausted",
      exitCode: 4,
      attempts: [{ code: "SIGNATURE_INVALID" }],
    });
    expect(await cached(agent)).toEqual(before);
  });
});

describe("a cache that was torn", () => {
  const damage: [what: string, bytes: (whole: Buffer) => Buffer | undefined][] = [
    ["is cut", (whole) => whole.subarray(0, whole.length / 2)],
    ["is empty", () => Buffer.alloc(0)],
    ["is garbage", () => noise("garbage", 500)],
    ["has a byte altered", (whole) => Buffer.from(whole.toString().replace('"sig":"', '"sig":"0'))],
    ["is that of another repository", () => seal(newDraft(newSigners(), 3).root, newSigners().root ?? [])],
    ["is gone", () => undefined],
  ];
  const names = [
    "2.root.json",
    "3.root.json",
    "4.root.json",
    "timestamp.json",
    "snapshot.json",
    "targets.json",
    "components.json",
  ];

  test.for(damage)("heals itself when any file of it %s", async ([, damaged]) => {
    const source = await serve(rotated);
    for (const name of names) {
      const agent = await makeAgent(world, { sources: { source: source.url }, installed: 2 });
      await runUpdate(agent);
      const file = await cachedFile(agent, name);
      const whole = await fs.readFile(file);
      const bytes = damaged(whole);
      if (bytes === undefined) await fs.rm(file);
      else await fs.writeFile(file, bytes);
      const { report } = await runUpdate(agent);
      expect({ name, outcome: report.outcome }).toEqual({ name, outcome: "current" });
      expect((await fs.readFile(await cachedFile(agent, name))).equals(whole), name).toBe(true);
      await expectInstalled(agent, 3);
      await expectTidy(agent);
    }
  });

  test("is made anew when all of it is gone", async () => {
    const source = await serve(rotated);
    const agent = await makeAgent(world, { sources: { source: source.url }, installed: 2 });
    await runUpdate(agent);
    const before = Object.keys(await cached(agent)).map((file) => path.basename(file));
    await fs.rm(path.join(agent.dataDir, "metadata"), { recursive: true });
    expect((await runUpdate(agent)).report.outcome).toBe("current");
    expect(Object.keys(await cached(agent)).map((file) => path.basename(file))).toEqual(before);
  });

  test.for([
    ["torn", "{"],
    ["gone", undefined],
  ])("of which a root is %s does not let a source go back to before that root", async ([, bytes]) => {
    const source = await serve(rotated);
    const agent = await makeAgent(world, { sources: { source: source.url }, installed: 2 });
    await runUpdate(agent);
    const file = await cachedFile(agent, "2.root.json");
    await (bytes === undefined ? fs.rm(file) : fs.writeFile(file, bytes));
    const before = await cached(agent);
    source.root = world.www(2);
    const { report } = await runUpdate(agent);
    expect(report).toMatchObject({ outcome: "exhausted", attempts: [{ code: "METADATA_OLDER" }] });
    expect(await cached(agent)).toEqual(before);
    source.root = rotated;
    expect((await runUpdate(agent)).report.outcome).toBe("current");
    await expectInstalled(agent, 3);
  });

  test("of another publisher gives way when the agent is given that publisher's root", async () => {
    const signers = newSigners();
    const draft = newDraft(signers);
    addComponent(draft, "rules", { release: 7, version: "other", files: { a: noise("a", 10) } });
    const www = path.join(world.folder, "other-publisher");
    await writeDraft(www, draft, signers);
    const source = await serve(rotated);
    const agent = await makeAgent(world, { sources: { source: source.url }, installed: 2 });
    await runUpdate(agent);
    source.root = www;
    await fs.copyFile(path.join(www, "content/metadata/1.root.json"), path.join(agent.folder, "root.json"));
    const { report } = await runUpdate(agent);
    expect(report).toMatchObject({ outcome: "updated", installed: [{ toVersion: "other" }] });
  });
});

describe("a long row of roots", () => {
  test("is followed 64 roots at a time", async () => {
    const www = path.join(world.folder, "many");
    const signers = newSigners();
    const draft = newDraft(signers);
    addComponent(draft, "rules", { release: 1, version: "1", files: { a: noise("a", 10) } });
    await writeDraft(www, draft, signers);
    const metadata = path.join(www, "content/metadata");
    for (let version = 2; version <= 80; version++) {
      bump(draft, "root");
      await fs.writeFile(path.join(metadata, `${version}.root.json`), seal(draft.root, signers.root ?? []));
    }
    const source = await serve(www);
    const agent = await makeAgent(world, {
      sources: { source: source.url },
      root: path.join(metadata, "1.root.json"),
    });
    expect((await runUpdate(agent)).report.outcome).toBe("updated");
    expect(Math.max(...rootsAsked(source))).toBe(65);
    source.requests.length = 0;
    expect((await runUpdate(agent)).report.outcome).toBe("current");
    expect(rootsAsked(source)).toEqual(Array.from({ length: 16 }, (_, index) => index + 66));
    source.requests.length = 0;
    await runUpdate(agent);
    expect(rootsAsked(source)).toEqual([81]);
  });
});

describe("the root that ships with the agent", () => {
  const unusable: [what: string, bytes: (whole: string) => string][] = [
    ["that is empty", () => ""],
    ["that is cut", (whole) => whole.slice(0, whole.length / 2)],
    ["that is another TUF file", () => seal(newDraft(newSigners()).timestamp, []).toString()],
    ["that nobody signed", (whole) => JSON.stringify({ ...JSON.parse(whole), signatures: [] })],
    ["that was altered", (whole) => whole.replace('"version":1', '"version":2')],
  ];

  test.for(unusable)("%s stops the run: no source could mend it", async ([, change]) => {
    const source = await serve(world.www(3));
    const agent = await makeAgent(world, { sources: { source: source.url }, installed: 2 });
    const file = path.join(agent.folder, "root.json");
    await fs.writeFile(file, change(await fs.readFile(file, "utf8")));
    await expect(runUpdate(agent)).rejects.toMatchObject({ code: "TRUST_ROOT_INVALID" });
    expect(source.requests).toEqual([]);
    await expectInstalled(agent, 2);
  });

  test("that is missing stops the run", async () => {
    const agent = await makeAgent(world, { sources: {}, installed: 2 });
    await fs.rm(path.join(agent.folder, "root.json"));
    await expect(runUpdate(agent)).rejects.toMatchObject({ code: "TRUST_ROOT_INVALID" });
  });

  test("that is another publisher's believes no source", async () => {
    const source = await serve(world.www(3));
    const signers = newSigners();
    const root = path.join(world.folder, "foreign-root.json");
    await fs.writeFile(root, seal(newDraft(signers).root, signers.root ?? []));
    const agent = await makeAgent(world, { sources: { source: source.url }, root });
    const { report, lines } = await runUpdate(agent);
    expect(report).toMatchObject({
      outcome: "exhausted",
      exitCode: 4,
      attempts: [{ code: "SIGNATURE_INVALID" }],
    });
    expect(lines.map(({ level }) => level)).toContain("error");
  });
});
