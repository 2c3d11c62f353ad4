import { promises as fs } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { addReleases, type NewRelease } from "../../src/publisher/addRelease.ts";
import type { Progress } from "../../src/publisher/repository/releaseFiles.ts";
import {
  newFolder,
  newRepository,
  readManifest,
  readMetadata,
  readRelease,
  treeOf,
  writeTree,
} from "./fixture.ts";

async function newRelease(kind: NewRelease["kind"], name: string, content: string): Promise<NewRelease> {
  const path = await writeTree(await newFolder(), { "data.bin": content });
  return { kind, name, version: content, path };
}

describe("several releases", () => {
  test("come in one publication, of both kinds, each with a number of its own", async () => {
    const dir = await newRepository("content");
    await addReleases({ dir, releases: [await newRelease("components", "a", "first")] });
    const before = await readMetadata(dir, "content", "timestamp.json");
    const releases = [
      await newRelease("components", "a", "second"),
      await newRelease("components", "b", "b"),
      await newRelease("programs", "a", "program"),
    ];
    const { added } = await addReleases({ dir, releases });
    expect(added.map(({ release }) => release)).toEqual([2, 1, 1]);
    const after = await readMetadata(dir, "content", "timestamp.json");
    expect(after.signed.version).toBe(before.signed.version + 1);
    for (const { kind, name, version } of releases) {
      const manifest = await readManifest(dir, kind, name);
      if (manifest === undefined) throw new Error(`no ${kind}/${name}`);
      expect(manifest.releases[0]?.version).toBe(version);
      await readRelease(dir, manifest, manifest.releases[0]?.release ?? 0);
    }
  });

  test("are refused together when one of them is", async () => {
    const dir = await newRepository("content");
    const good = await newRelease("components", "a", "a");
    const before = await treeOf(dir);
    const cases: [NewRelease, string][] = [
      [{ ...good, name: "b", version: "" }, "version"],
      [{ ...good, name: "b", path: "/nonexistent" }, "cannot read"],
      [{ ...good, version: "2" }, "components/a is given twice"],
    ];
    for (const [bad, message] of cases) {
      await expect(addReleases({ dir, releases: [good, bad] })).rejects.toMatchObject({
        code: "REPOSITORY_INPUT_INVALID",
        message: expect.stringContaining(message),
      });
    }
    expect(await treeOf(dir)).toEqual(before);
  });
});

test("room is looked for before a byte is copied, for all releases together", async () => {
  const dir = await newRepository("content");
  const releases = [await newRelease("components", "a", "a"), await newRelease("components", "b", "b")];
  const { bavail, bsize } = await fs.statfs(dir);
  // Sparse files: each would fit, and both do not.
  for (const { path: folder } of releases) {
    await fs.truncate(path.join(folder, "data.bin"), Math.ceil(bavail * bsize * 0.7));
  }
  const before = await treeOf(dir);
  const steps: Progress[] = [];
  const add = addReleases({ dir, releases, onProgress: (step) => steps.push(step) });
  await expect(add).rejects.toMatchObject({
    code: "DISK_FULL",
    message: expect.stringMatching(/has [\d.]+ \w+ free, and this publication needs [\d.]+ \w+$/),
  });
  expect(steps).toEqual([]);
  expect(await treeOf(dir)).toEqual(before);
});

test("each step of a publication is told, and how far a copy has come", async () => {
  const dir = await newRepository("content");
  const text = (letter: string) =>
    Array.from({ length: 300_000 }, (_, index) => `${index}${letter}`).join(" ");
  await addReleases({ dir, releases: [await newRelease("components", "a", text("a").slice(0, 90))] });
  const release = await newRelease("components", "a", "two");
  await writeTree(release.path, { "data.bin": text("b") });
  const steps: Progress[] = [];
  await addReleases({ dir, releases: [release], onProgress: (step) => steps.push(step) });
  const { length = 0 } = steps[0] ?? {};
  expect(length).toBe(text("b").length);
  expect(steps[0]).toMatchObject({
    component: { kind: "components", name: "a" },
    path: "data.bin",
    step: "copy",
    done: 0,
  });
  expect(
    steps.filter(({ step, done }) => step === "copy" && done > 0 && done < length).length,
  ).toBeGreaterThan(0);
  expect([...new Set(steps.map(({ step }) => step))]).toEqual(["copy", "compress", "delta"]);
});
