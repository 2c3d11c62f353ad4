import { promises as fs } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { addRelease } from "../../src/publisher/addRelease.ts";
import { describeRepository } from "../../src/publisher/describe.ts";
import { initRepository } from "../../src/publisher/init.ts";
import { renewRepository } from "../../src/publisher/renewRepository.ts";
import { newFolder, newReader, newRepository, treeOf, writeTree } from "./fixture.ts";

const DAY = 86_400_000;
const repository = "content";

const daysAgo = (days: number) => new Date(Date.now() - days * DAY);

async function versions(dir: string): Promise<Record<string, number>> {
  const { roles } = await describeRepository({ dir, repository });
  return Object.fromEntries(roles.map(({ role, version }) => [role, version]));
}

describe("refresh", () => {
  test("signs a new timestamp, and leaves the rest while it has half of its life before it", async () => {
    const dir = await newRepository(repository, { now: daysAgo(40) });
    const result = await renewRepository({ dir, repository });
    expect(result).toEqual({ signed: ["timestamp"], skipped: [], warnings: [] });
    expect(await versions(dir)).toMatchObject({ timestamp: 2, snapshot: 1, targets: 1, components: 1 });
    await (await newReader(dir, repository)).refresh();
  });

  test("signs the snapshot too once half of its life is over", async () => {
    const dir = await newRepository(repository, { now: daysAgo(46) });
    expect((await renewRepository({ dir, repository })).signed).toEqual(["timestamp", "snapshot"]);
    expect(await versions(dir)).toMatchObject({ timestamp: 2, snapshot: 2, targets: 1 });
    await (await newReader(dir, repository)).refresh();
  });

  test("signs every role that is due, and mends a repository that expired long ago", async () => {
    const dir = await newRepository(repository, { now: daysAgo(400) });
    await expect((await newReader(dir, repository)).refresh()).rejects.toThrow("expired");
    const { signed } = await renewRepository({ dir, repository });
    expect(signed).toEqual(["timestamp", "snapshot", "targets", "components", "programs"]);
    await (await newReader(dir, repository)).refresh();
  });

  test("goes on without the keys that are elsewhere, and says which roles that leaves due", async () => {
    const dir = await newRepository(repository, { now: daysAgo(200) });
    const keys = path.join(`${dir}.keys`, repository);
    await fs.rm(path.join(keys, "targets.pem"));
    await fs.rm(path.join(keys, "programs.pem"));
    const result = await renewRepository({ dir, repository });
    expect(result.signed).toEqual(["timestamp", "snapshot", "components"]);
    expect(result.skipped).toEqual(["targets", "programs"]);
    await (await newReader(dir, repository)).refresh();
  });

  test("signs the timestamp alone where no other key is", async () => {
    const dir = await newRepository(repository, { now: daysAgo(200), lifetimes: { snapshot: 300 } });
    const keys = path.join(`${dir}.keys`, repository);
    for (const role of ["root", "snapshot", "targets", "components", "programs"]) {
      await fs.rm(path.join(keys, `${role}.pem`));
    }
    const result = await renewRepository({ dir, repository });
    expect(result.signed).toEqual(["timestamp"]);
    expect(result.skipped).toEqual(["snapshot", "targets", "components", "programs"]);
    await (await newReader(dir, repository)).refresh();
  });

  test("without the timestamp's key fails, and changes nothing", async () => {
    const dir = await newRepository(repository);
    await fs.rm(path.join(`${dir}.keys`, repository, "timestamp.pem"));
    const before = await treeOf(dir);
    await expect(renewRepository({ dir, repository })).rejects.toMatchObject({ code: "KEY_INVALID" });
    expect(await treeOf(dir)).toEqual(before);
  });

  test("warns of a root that expired, and of a clock that is behind", async () => {
    const dir = await newRepository(repository, { now: daysAgo(800) });
    expect((await renewRepository({ dir, repository })).warnings).toEqual([
      expect.stringContaining("the root expired at"),
    ]);
    const { warnings } = await renewRepository({ dir, repository, now: daysAgo(10) });
    expect(warnings).toContainEqual(expect.stringContaining("the clock is behind"));
  });
});

describe("describe", () => {
  test("tells components, sizes and roles, and what expires next", async () => {
    const dir = await newRepository(repository);
    const payload = await writeTree(await newFolder(), { a: "12345", "b/c": "678" });
    await addRelease({ dir, kind: "components", name: "vp", version: "1.0", path: payload });
    const shown = await describeRepository({ dir, repository });
    expect(shown.components).toEqual([
      {
        kind: "components",
        name: "vp",
        releases: [{ release: 1, version: "1.0", files: 2, bytes: 8 }],
      },
    ]);
    expect(shown.nextExpiry).toMatchObject({ role: "timestamp", expired: false });
    const later = new Date(Date.now() + 15 * DAY);
    expect((await describeRepository({ dir, repository, now: later })).nextExpiry.expired).toBe(true);
    expect(shown.roles.map(({ role, threshold }) => [role, threshold])).toEqual(
      ["root", "timestamp", "snapshot", "targets", "components", "programs"].map((role) => [role, 1]),
    );
  });

  test("needs no keys", async () => {
    const dir = await newRepository(repository);
    await fs.rm(`${dir}.keys`, { recursive: true });
    expect(await describeRepository({ dir, repository })).toMatchObject({ components: [] });
  });
});

test("several components and repositories stand side by side below one web root", async () => {
  const dir = await newRepository("content");
  await initRepository({ dir, repository: "settings" });
  const payload = await writeTree(await newFolder(), { a: "same file" });
  for (const name of ["one", "two"]) {
    await addRelease({ dir, kind: "components", name, version: "1", path: payload });
  }
  await addRelease({ dir, kind: "programs", name: "one", version: "1", path: payload });
  const { components } = await describeRepository({ dir, repository: "content" });
  expect(components.map(({ kind, name }) => `${kind}/${name}`)).toEqual([
    "components/one",
    "components/two",
    "programs/one",
  ]);
  await (await newReader(dir, "settings")).refresh();
});
