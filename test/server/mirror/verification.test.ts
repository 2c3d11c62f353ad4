import { promises as fs } from "node:fs";
import path from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { metricsOf } from "../../../src/server/metrics/metricsPage.ts";
import { ContentMirror } from "../../../src/server/mirror/contentMirror.ts";
import { healthOf } from "../../../src/server/serverHealth.ts";
import { PublishedTrees } from "../../../src/server/settings/publishedTrees.ts";
import { writeNote } from "../../../src/server/store/watch/noteStore.ts";
import { contentPublications } from "../../support/repositories.ts";
import {
  callApi,
  makeServer,
  openServer,
  type ServerWorld,
  setUp,
  tokenOf,
} from "../../support/serverWorld.ts";
import { startSource } from "../../support/source.ts";
import { newFolder } from "../../support/world.ts";

const WEEK = 604_800_000;

/** A server that has mirrored a vendor. */
async function startMirrored(mirror: object = {}) {
  const { root, states } = await contentPublications();
  const source = await startSource(states.get("v1") ?? "", { etags: true });
  onTestFinished(() => source.close());
  const settings = { activeUpdate: source.url, roots: { content: root }, mirror: { minFree: 0, ...mirror } };
  const world = await makeServer(undefined, settings);
  onTestFinished(() => world.close());
  await setUp(world);
  await world.context.mirror.refresh();
  expect(world.context.mirror.state()).toMatchObject({ error: null });
  return { world, source };
}

/** Alters one mirrored file, its length as it was. */
async function damage({ context }: ServerWorld) {
  const home = path.join(context.trees.www, "content", "objects");
  const [name = ""] = (await fs.readdir(home, { recursive: true })).filter((each) => each.length > 60);
  const file = path.join(home, name);
  const before = await fs.readFile(file);
  await fs.chmod(file, 0o644);
  await fs.writeFile(file, Buffer.alloc(before.length, 7));
  const read = async () => (await fs.readFile(file).catch(() => undefined))?.toString("hex");
  return {
    file,
    read,
    whole: before.toString("hex"),
    altered: Buffer.alloc(before.length, 7).toString("hex"),
  };
}

const stateOf = async (world: ServerWorld) =>
  (await callApi(world, await tokenOf(world, "viewer"), "GET /mirror")).body;
const metric = async ({ context }: ServerWorld, line: string) =>
  new RegExp(`^nearsource_server_${line} (\\S+)$`, "m").exec((await metricsOf(context)).body)?.[1];

test("mirrored files are read through each week with the look that is due, also after a restart, and damage is mended and counted", async () => {
  const { world } = await startMirrored();
  const first = world.clock.now;
  expect(await stateOf(world)).toMatchObject({ verifyEvery: WEEK, verified: { at: first, damaged: 0 } });
  const { read, whole, altered } = await damage(world);
  world.clock.now += WEEK - 1;
  await world.context.mirror.refresh();
  expect(await read()).toBe(altered);
  const again = await openServer(world.dir, world.token);
  onTestFinished(() => again.stop());
  again.clock.now = first + WEEK - 1;
  await again.context.mirror.refresh();
  expect([await read(), again.context.mirror.verified?.at]).toEqual([altered, first]);
  again.clock.now += 1;
  await again.context.mirror.refresh();
  expect(await read()).toBe(whole);
  const { verified } = await stateOf(again);
  expect(verified).toMatchObject({ at: first + WEEK, damaged: 1, missing: 0 });
  expect(verified.objects).toBeGreaterThan(0);
  expect(await metric(again, "mirror_verified_timestamp_seconds")).toBe(String((first + WEEK) / 1_000));
  expect(await metric(again, 'mirror_damaged_files{state="mended"}')).toBe("1");
  expect((await healthOf(again.context)).ailing).toEqual([]);
});

test("damage that is found while the vendor gives no files is served to nobody, and said until it is mended", async () => {
  const { world, source } = await startMirrored({ verifyEvery: null });
  const { read, whole, altered } = await damage(world);
  const { root } = source;
  source.root = path.join(root, "none");
  await world.context.mirror.verify();
  expect(
    world.context.mirror.state().error,
    "what cannot be looked up is not read through yet",
  ).not.toBeNull();
  expect(await read()).toBe(altered);
  // Its metadata come again, its files do not.
  source.root = root;
  const objects = path.join(root, "content", "objects");
  await fs.rename(objects, `${objects}.away`);
  onTestFinished(() => fs.rename(`${objects}.away`, objects).catch(() => {}));
  await world.context.mirror.refresh();
  expect(await read(), "a verification that failed is due again").toBeUndefined();
  expect(await stateOf(world)).toMatchObject({ verified: { damaged: 1, missing: 1 } });
  expect((await healthOf(world.context)).ailing).toEqual(["mirror-files"]);
  expect(await metric(world, 'mirror_damaged_files{state="missing"}')).toBe("1");
  await fs.rename(`${objects}.away`, objects);
  await world.context.mirror.refresh();
  expect(await read()).toBe(whole);
  expect(await stateOf(world)).toMatchObject({ error: null, verified: { damaged: 1, missing: 0 } });
  expect((await healthOf(world.context)).ailing).toEqual([]);
});

test("a mirrored file that the disk cannot read is fetched again, and the others are read on", async () => {
  const { world } = await startMirrored();
  const { file, read, whole } = await damage(world);
  const open = fs.open.bind(fs);
  vi.spyOn(fs, "open").mockImplementation(async (place, ...more) => {
    const handle = await open(place, ...more);
    if (place !== file || !(await handle.stat()).isFile() || (await handle.readFile())[0] !== 7)
      return handle;
    const failure = Object.assign(new Error("EIO: i/o error, read"), { code: "EIO", syscall: "read" });
    return Object.assign(handle, { read: () => Promise.reject(failure) });
  });
  await world.context.mirror.verify();
  expect(await read()).toBe(whole);
  expect(await stateOf(world)).toMatchObject({ error: null, verified: { damaged: 1, missing: 0 } });
});

test.for(["", "null", "{}", '{"at":"now"}', "\u0000"])(
  "a result on the disk that is no result, %j, has the files read through anew",
  async (text) => {
    const { world } = await startMirrored();
    const { read, whole } = await damage(world);
    await fs.writeFile(path.join(world.dir, "mirror", "verified.json"), text);
    await world.context.mirror.refresh();
    expect(await read()).toBe(whole);
    expect(world.context.mirror.state()).toMatchObject({ error: null, verified: { damaged: 1, missing: 0 } });
  },
);

test.for([
  ["never on schedule", { verifyEvery: null }],
  ["paused", { every: null }],
] as const)("a mirror that is %s reads nothing through until it is asked to", async ([, mirror]) => {
  const { world } = await startMirrored(mirror);
  const { read, whole, altered } = await damage(world);
  world.clock.now += WEEK + 1;
  await world.context.mirror.refresh();
  expect(await read()).toBe(altered);
  await world.context.mirror.verify();
  expect(await read()).toBe(whole);
});

test("servers of one database read their own folders through, whichever did it last", async () => {
  const { world } = await startMirrored();
  const { read, whole, altered } = await damage(world);
  const { config, database, log } = world.context;
  const dir = await newFolder();
  const other = new ContentMirror({
    config: { ...config, dir, roots: { content: path.resolve(config.dir, config.roots.content ?? "") } },
    trees: new PublishedTrees(path.join(dir, "www")),
    log,
    now: () => world.clock.now,
    noteConfirmed: (at) => writeNote(database.db, "mirrored", { confirmedAt: at }, at),
  });
  onTestFinished(() => other.close());
  world.clock.now += WEEK;
  await other.refresh();
  expect(other.state()).toMatchObject({ error: null, verified: { at: world.clock.now } });
  expect(await read()).toBe(altered);
  await world.context.mirror.refresh();
  expect(await read()).toBe(whole);
});
