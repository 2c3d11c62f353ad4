import { promises as fs } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { addRelease } from "../../../src/publisher/addRelease.ts";
import { renewRepository } from "../../../src/publisher/renewRepository.ts";
import { setDocument } from "../../../src/publisher/setDocument.ts";
import {
  age,
  newFolder,
  newReader,
  newRepository,
  readManifest,
  readRelease,
  treeOf,
  writeTree,
} from "../fixture.ts";

const component = { kind: "components", name: "vp" } as const;

async function add(dir: string, content: string, keep = 1): Promise<void> {
  const folder = await writeTree(await newFolder(), { "data.bin": content });
  await addRelease({ dir, ...component, version: content, path: folder, keep });
}

async function names(dir: string, below: string): Promise<string[]> {
  const tree = Object.keys(await treeOf(path.join(dir, "content", below)));
  return tree.map((name) => path.basename(name)).sort();
}

describe("what is deleted after a publication", () => {
  test("a reader in the middle of the previous publication still finishes", async () => {
    const dir = await newRepository("content");
    await add(dir, "old content");
    const reader = await newReader(dir, "content");
    let published = false;
    // The new publication comes while the reader is between the old timestamp and the old snapshot.
    const updater = await reader.refresh(async (name) => {
      if (published || !name.endsWith("snapshot.json")) return;
      published = true;
      await add(dir, "new content");
      await renewRepository({ dir, repository: "content" });
    });
    const info = await updater.getTargetInfo("components/vp.json");
    const hash = info?.hashes.sha256 ?? "";
    const bytes = await fs.readFile(path.join(dir, `content/targets/components/${hash}.vp.json`), "utf8");
    const manifest = JSON.parse(bytes);
    expect(manifest.releases[0].version).toBe("old content");
    expect(String((await readRelease(dir, manifest, 1))["data.bin"])).toBe("old content");
  });

  test("a reader who holds a snapshot still finishes after three more publications", async () => {
    const dir = await newRepository("content");
    await add(dir, "old content");
    const reader = await newReader(dir, "content");
    let published = false;
    const updater = await reader.refresh(async (name) => {
      if (published || !name.endsWith("snapshot.json")) return;
      published = true;
      for (const content of ["two", "three", "four"]) await add(dir, content);
    });
    const info = await updater.getTargetInfo("components/vp.json");
    const hash = info?.hashes.sha256 ?? "";
    const manifest = JSON.parse(
      await fs.readFile(path.join(dir, `content/targets/components/${hash}.vp.json`), "utf8"),
    );
    expect(String((await readRelease(dir, manifest, 1))["data.bin"])).toBe("old content");
  });

  test("what no publication of the last 15 minutes needs is gone", async () => {
    const dir = await newRepository("content");
    for (const content of ["one", "two"]) await add(dir, content);
    await age(dir, 16);
    for (const content of ["three", "four"]) await add(dir, content);
    // Two was in force until three came, one until two came.
    expect(await names(dir, "objects")).toHaveLength(3);
    expect(await names(dir, "targets")).toHaveLength(3);
    await age(dir, 16);
    await renewRepository({ dir, repository: "content" });
    expect(await names(dir, "objects")).toHaveLength(1);
    expect(await names(dir, "metadata")).toEqual([
      "1.programs.json",
      "1.root.json",
      "1.targets.json",
      "5.components.json",
      "5.snapshot.json",
      "timestamp.json",
    ]);
    const manifest = await readManifest(dir, "components", "vp");
    expect(manifest?.releases.map(({ version }) => version)).toEqual(["four"]);
  });

  test("what is younger than 15 minutes stays, whoever placed it", async () => {
    const dir = await newRepository("content");
    const others = {
      "metadata/.new.4711.0123456789ab": "on its way",
      "metadata/9.snapshot.json": "not yet published",
      [`targets/components/${"00".repeat(32)}.vp.json`]: "not yet published",
      [`objects/00/${"00".repeat(32)}`]: "not yet published",
    };
    await writeTree(path.join(dir, "content"), others);
    await add(dir, "one");
    const tree = Object.keys(await treeOf(path.join(dir, "content")));
    for (const name of Object.keys(others)) expect(tree).toContain(name);
  });

  test("objects of every release that is kept stay, alternatives included", async () => {
    const dir = await newRepository("content");
    for (const content of ["one", "two", "three"]) await add(dir, content, 5);
    await renewRepository({ dir, repository: "content" });
    expect(await names(dir, "objects")).toHaveLength(3);
  });

  test("files that are not the publisher's are left alone, and so are links", async () => {
    const dir = await newRepository("content");
    const strange = {
      "index.html": "hello",
      "metadata/notes.txt": "mine",
      "targets/readme.md": "mine",
      "objects/ab/not-a-hash": "mine",
      [`objects/cd/${"ab".repeat(32)}`]: "misplaced",
    };
    await writeTree(path.join(dir, "content"), strange);
    const outside = await writeTree(await newFolder(), { ["ab".repeat(32)]: "outside" });
    await fs.symlink(outside, path.join(dir, "content/objects/ef"));
    await add(dir, "one");
    const tree = Object.keys(await treeOf(path.join(dir, "content")));
    for (const name of Object.keys(strange)) expect(tree).toContain(name);
    expect(await fs.readdir(outside)).toHaveLength(1);
  });

  test("half-written files of a publisher that was killed go after 15 minutes", async () => {
    const dir = await newRepository("content");
    await writeTree(path.join(dir, "content"), {
      ".new.4711.0123456789ab": "half a lock",
      "metadata/.new.4711.0123456789ab": "half",
      "objects/.new.4711.0123456789ab": "half",
      [`objects/00/${"00".repeat(32)}`]: "an object that no manifest names",
      "metadata/9.snapshot.json": "never published",
    });
    await age(dir, 16);
    await renewRepository({ dir, repository: "content" });
    expect(await names(dir, "objects")).toEqual([]);
    const all = await names(dir, ".");
    expect(all.filter((name) => name.startsWith(".new") || name.startsWith("9."))).toEqual([]);
  });

  test("nothing goes when it cannot be told what the previous publication needs, and a warning says so", async () => {
    const dir = await newRepository("content");
    for (const content of ["one", "two"]) await add(dir, content);
    await fs.writeFile(path.join(dir, "content/metadata/2.snapshot.json"), "torn");
    const before = Object.keys(await treeOf(dir));
    const { warnings } = await renewRepository({ dir, repository: "content" });
    expect(warnings).toEqual([expect.stringContaining("old files could not be deleted")]);
    expect(Object.keys(await treeOf(dir))).toEqual(before);
    await age(dir, 16);
    await add(dir, "three");
    expect(await names(dir, "objects")).toHaveLength(2);
  });

  test("settings documents that were replaced stay for 15 minutes", async () => {
    const dir = await newRepository("settings");
    const folder = await newFolder();
    const documents = async () => Object.keys(await treeOf(path.join(dir, "settings/targets"))).length;
    for (let version = 1; version <= 3; version++) {
      await writeTree(folder, { "list.json": JSON.stringify({ version, entries: [] }) });
      await setDocument({ dir, name: "source-list", file: path.join(folder, "list.json") });
    }
    expect(await documents()).toBe(3);
    await age(dir, 16);
    await renewRepository({ dir, repository: "settings" });
    expect(await documents()).toBe(1);
  });
});
