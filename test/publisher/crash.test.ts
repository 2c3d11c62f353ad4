import { spawn } from "node:child_process";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { addRelease } from "../../src/publisher/addRelease.ts";
import { initRepository } from "../../src/publisher/init.ts";
import { renewRepository } from "../../src/publisher/renewRepository.ts";
import { publishRoot } from "../../src/publisher/root/publishRoot.ts";
import { draftRoot, signRoot } from "../../src/publisher/root/signRoot.ts";
import { numbers, sampleAndLast, sampleOf } from "../support/extent.ts";
import { bundle } from "../support/program.ts";
import {
  age,
  newFolder,
  newReader,
  newRepository,
  readManifest,
  readRelease,
  treeOf,
  writeTree,
} from "./fixture.ts";

const component = { kind: "components", name: "vp" } as const;
const child = await bundle(path.join(import.meta.dirname, "crashChild.ts"));

/** Runs a publisher in a process of its own that is killed at its n-th file, or after `ms`. */
async function publishAndDie(
  operation: string,
  options: object,
  { atFile = 0, afterMs }: { atFile?: number; afterMs?: number } = {},
): Promise<{ killed: boolean; files: number }> {
  const args = [child, operation, JSON.stringify(options), String(atFile)];
  const publisher = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const closed = once(publisher, "close");
  let output = "";
  publisher.stdout.on("data", (data) => {
    output += data;
  });
  if (afterMs !== undefined) {
    await sleep(afterMs);
    publisher.kill("SIGKILL");
  }
  const [code, signal] = await closed;
  if (signal === null && code !== 0) throw new Error(`the publisher failed with ${code}`);
  return { killed: signal === "SIGKILL", files: Number(output) };
}

/** Number of files that an operation puts in place when nothing stops it, tried on a copy. */
async function countFiles(operation: string, dir: string, options: object): Promise<number> {
  const copy = path.join(await newFolder(), "www");
  if (operation !== "init") {
    await fs.cp(dir, copy, { recursive: true });
    await fs.cp(`${dir}.keys`, `${copy}.keys`, { recursive: true });
  }
  return (await publishAndDie(operation, { ...options, dir: copy })).files;
}

async function withReleaseOne(): Promise<{ dir: string; payload: string }> {
  const dir = await newRepository("content");
  const first = await writeTree(await newFolder(), { "a.dat": "first a", "b.dat": "first b" });
  await addRelease({ dir, ...component, version: "one", path: first });
  const payload = await writeTree(await newFolder(), { "a.dat": "second a", "b.dat": "second b" });
  return { dir, payload };
}

test("add, killed after any of its files, leaves the old or the new release whole, and the next command goes on", async () => {
  const { dir, payload } = await withReleaseOne();
  const options = { ...component, version: "two", path: payload };
  const files = await countFiles("add", dir, options);
  expect(files).toBe(6);
  for (const atFile of sampleAndLast(numbers(1, files), 3)) {
    const copy = path.join(await newFolder(), "www");
    await fs.cp(dir, copy, { recursive: true });
    await fs.cp(`${dir}.keys`, `${copy}.keys`, { recursive: true });
    const veteran = await newReader(copy, "content");
    await veteran.refresh();
    expect(await publishAndDie("add", { ...options, dir: copy }, { atFile })).toMatchObject({ killed: true });

    // Only the last file, the timestamp, makes the release visible.
    const newest = atFile === files ? 2 : 1;
    for (const reader of [veteran, await newReader(copy, "content")]) {
      const manifest = await readManifest(copy, "components", "vp", reader);
      if (manifest === undefined) throw new Error("no manifest");
      expect(manifest.releases.map(({ release }) => release)[0], `killed at ${atFile}`).toBe(newest);
      expect(Object.keys(await readRelease(copy, manifest, newest))).toEqual(["a.dat", "b.dat"]);
    }
    const third = await addRelease({ dir: copy, ...component, version: "three", path: payload });
    expect(third.release).toBe(newest + 1);
    const manifest = await readManifest(copy, "components", "vp", veteran);
    expect(manifest?.releases[0]?.version).toBe("three");
  }
});

test("init, killed after any of its files, is completed by the next init with the same keys", async () => {
  const files = await countFiles("init", "", { repository: "content" });
  expect(files).toBe(6);
  for (const atFile of sampleAndLast(numbers(1, files), 3)) {
    const dir = path.join(await newFolder(), "www");
    await publishAndDie("init", { dir, repository: "content" }, { atFile });
    const rootKey = await fs.readFile(`${dir}.keys/content/root.pem`, "utf8");
    if (atFile < files) await initRepository({ dir, repository: "content" });
    else {
      const again = initRepository({ dir, repository: "content" });
      await expect(again).rejects.toMatchObject({ code: "REPOSITORY_EXISTS" });
    }
    await renewRepository({ dir, repository: "content" });
    await (await newReader(dir, "content")).refresh();
    expect(await fs.readFile(`${dir}.keys/content/root.pem`, "utf8")).toBe(rootKey);
  }
});

test.each([
  ["while the leaving keys are at hand", []],
  ["while a leaving key is lost", ["timestamp", "snapshot"]],
])(
  "a root publication, killed after any of its files %s, is completed by publishing it again",
  async (_, lost) => {
    const { dir } = await withReleaseOne();
    const file = path.join(await newFolder(), "draft.json");
    const rotate = ["timestamp", "snapshot", "targets", "components"];
    await draftRoot({ dir, repository: "content", out: file, rotate });
    await signRoot({ file, key: `${dir}.keys/content/root.pem` });
    for (const role of lost) await fs.rm(`${dir}.keys/content/${role}.pem`);

    const files = await countFiles("root", dir, { file });
    expect(files).toBe(5);
    for (const atFile of sampleAndLast(numbers(1, files), 3)) {
      const copy = path.join(await newFolder(), "www");
      await fs.cp(dir, copy, { recursive: true });
      await fs.cp(`${dir}.keys`, `${copy}.keys`, { recursive: true });
      const veteran = await newReader(copy, "content");
      await veteran.refresh();
      await publishAndDie("root", { dir: copy, file }, { atFile });
      if (lost.length === 0) {
        // Both keys have signed: there is no moment at which a client is refused.
        await veteran.refresh();
        await (await newReader(copy, "content")).refresh();
        await renewRepository({ dir: copy, repository: "content" });
        await veteran.refresh();
      }
      await publishRoot({ dir: copy, file });
      await addRelease({ dir: copy, ...component, version: "two", path: `${file}` });
      for (const reader of [veteran, await newReader(copy, "content")]) {
        const manifest = await readManifest(copy, "components", "vp", reader);
        expect(manifest?.releases[0]?.version, `killed at ${atFile}`).toBe("two");
      }
    }
  },
);

test("a publisher killed at any moment holds no lock, and leaves nothing that stays", async () => {
  const { dir } = await withReleaseOne();
  const large = await writeTree(await newFolder(), { "large.dat": Buffer.alloc(24_000_000, "large") });
  const options = { dir, ...component, version: "two", path: large };
  let killed = 0;
  for (const moment of sampleOf(numbers(0, 10), 4)) {
    const afterMs = 100 + moment * 60;
    killed += (await publishAndDie("add", options, { afterMs })).killed ? 1 : 0;
    const manifest = await readManifest(dir, "components", "vp");
    if (manifest === undefined) throw new Error("no manifest");
    const newest = manifest.releases[0]?.release ?? 0;
    expect(Object.keys(await readRelease(dir, manifest, newest)).length).toBeGreaterThan(0);
  }
  expect(killed).toBeGreaterThan(0);
  await age(dir, 16);
  await renewRepository({ dir, repository: "content" });
  const names = Object.keys(await treeOf(dir)).map((name) => path.basename(name));
  expect(names.filter((name) => name.startsWith(".new"))).toEqual([]);
});

test("two publishers at once: one goes first, the other is told, and both results are whole", async () => {
  const { dir, payload } = await withReleaseOne();
  const add = () => addRelease({ dir, ...component, version: "two", path: payload });
  const results = await Promise.allSettled([add(), add(), add()]);
  const refused = results.filter((each) => each.status === "rejected").map((each) => each.reason.code);
  expect(new Set(refused)).toEqual(new Set(["LOCKED"]));
  const manifest = await readManifest(dir, "components", "vp");
  expect(manifest?.releases.length).toBe(1 + results.length - refused.length);
});

test("a file that cannot be written leaves the old publication in force, and is named", async () => {
  const { dir, payload } = await withReleaseOne();
  // A folder in the place of a file makes the rename fail, as a disk error would.
  const blocked = path.join(dir, "content/metadata/3.snapshot.json");
  await writeTree(blocked, { "in-the-way": "" });
  const add = () => addRelease({ dir, ...component, version: "two", path: payload });
  await expect(add()).rejects.toMatchObject({
    code: "STORAGE_FAILED",
    message: expect.stringContaining("cannot publish in"),
    cause: { message: expect.stringContaining("3.snapshot.json") },
  });
  expect((await readManifest(dir, "components", "vp"))?.releases[0]?.version).toBe("one");
  await fs.rm(blocked, { recursive: true });
  expect(await add()).toMatchObject({ release: 2 });
  expect((await readManifest(dir, "components", "vp"))?.releases[0]?.version).toBe("two");
});
