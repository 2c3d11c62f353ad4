import { promises as fs } from "node:fs";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ContentMirror } from "../../../src/server/mirror/contentMirror.ts";
import { healthOf } from "../../../src/server/serverHealth.ts";
import { type Notes, readNote, writeNote } from "../../../src/server/store/watch/noteStore.ts";
import { contentPublications } from "../../support/repositories.ts";
import { callApi, makeServer, setUp, tokenOf } from "../../support/serverWorld.ts";
import { startSource } from "../../support/source.ts";

const WEEK = 604_800_000;
const DAMAGED = "nearsource_server_mirror_damaged_files";

/** A server that has mirrored a vendor, whose objects can be made to be lost. */
async function startMirrored(mirror: object = {}) {
  const { root, states } = await contentPublications();
  const lost = { objects: false };
  const vendor = await startSource(states.get("v1") ?? "", {
    etags: true,
    answer: (request, response) => {
      if (!lost.objects || request.url?.startsWith("/content/objects/") !== true) return false;
      response.writeHead(500).end();
      return true;
    },
  });
  const settings = { activeUpdate: vendor.url, roots: { content: root }, mirror: { minFree: 0, ...mirror } };
  const world = await makeServer(undefined, settings);
  await setUp(world);
  const { config, database, trees, log } = world.context;
  const now = () => world.clock.now;
  const verification = {
    read: () => readNote(database.db, "mirrorVerified"),
    write: (last: Notes["mirrorVerified"]) => writeNote(database.db, "mirrorVerified", last, now()),
  };
  const openMirror = () => new ContentMirror({ config, trees, log, now, verification });
  world.context.mirror = openMirror();
  onTestFinished(async () => {
    await world.close();
    await vendor.close();
  });
  await world.context.mirror.refresh();
  const objects = path.join(world.context.trees.www, "content", "objects");
  const [first = ""] = (await fs.readdir(objects, { recursive: true })).filter((name) => name.includes("/"));
  const file = path.join(objects, first);
  const bytes = await fs.readFile(file);
  /** Alters the file, with its length as it was. */
  const alter = async () => {
    await fs.chmod(file, 0o644);
    await fs.writeFile(file, Buffer.alloc(bytes.length, 7));
  };
  const isWhole = async () => (await fs.readFile(file)).equals(bytes);
  const token = await tokenOf(world, "viewer");
  const metric = async (name: string) => {
    const request = {
      url: "/api/v1/metrics",
      headers: { host: "localhost", authorization: `Bearer ${token}` },
    };
    const { body } = await world.people.inject(request);
    return body.split("\n").find((line) => line.startsWith(`${name} `));
  };
  return { world, lost, alter, isWhole, openMirror, metric, token };
}

test("an altered file is found by the look that is due, by whichever server, and fetched again", async () => {
  const { world, alter, isWhole, openMirror, metric, token } = await startMirrored();
  await alter();
  world.clock.now += WEEK - 1;
  await world.context.mirror.refresh();
  expect(await isWhole(), "it is not time").toBe(false);
  world.clock.now += 1;
  // Another process, or this one after a start, knows when that was last done.
  world.context.mirror = openMirror();
  await world.context.mirror.refresh();
  expect(await isWhole()).toBe(true);
  const verified = { at: world.clock.now, damaged: 1, isMended: true };
  expect((await callApi(world, token, "GET /mirror")).body).toMatchObject({ verified, error: null });
  expect((await healthOf(world.context)).ailing).toEqual([]);
  expect(await metric(DAMAGED)).toBe(`${DAMAGED} 0`);
  const at = "nearsource_server_mirror_verified_timestamp_seconds";
  expect(Number((await metric(at))?.split(" ")[1])).toBe(world.clock.now / 1_000);
});

test("a file that cannot be fetched again is said to be damaged, and tried with each look until it is whole", async () => {
  const { world, lost, alter, isWhole, metric } = await startMirrored();
  await alter();
  lost.objects = true;
  world.clock.now += WEEK;
  await world.context.mirror.refresh();
  expect(world.context.mirror.state()).toMatchObject({ verified: { damaged: 1, isMended: false } });
  expect((await healthOf(world.context)).ailing).toEqual(["mirror"]);
  expect(await metric(DAMAGED)).toBe(`${DAMAGED} 1`);
  lost.objects = false;
  world.clock.now += 60_000;
  await world.context.mirror.refresh();
  expect(await isWhole()).toBe(true);
  expect((await healthOf(world.context)).ailing).toEqual([]);
});

test.for([
  ["never on schedule", { verifyEvery: null }],
  ["paused", { every: null }],
] as const)("a mirror that is %s reads nothing through until it is asked to", async ([, mirror]) => {
  const { world, alter, isWhole } = await startMirrored(mirror);
  await alter();
  world.clock.now += WEEK + 1;
  await world.context.mirror.refresh();
  expect(await isWhole()).toBe(false);
  await world.context.mirror.verify();
  expect(await isWhole()).toBe(true);
});
