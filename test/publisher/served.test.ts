import { promises as fs } from "node:fs";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { addRelease } from "../../src/publisher/addRelease.ts";
import { initRepository } from "../../src/publisher/init.ts";
import { renewRepository } from "../../src/publisher/renewRepository.ts";
import { age, newFolder, newReader, newRepository, writeTree } from "./fixture.ts";

const component = { kind: "components", name: "vp" } as const;

/** The parts that nginx and others make an ETag of. */
async function validatorOf(dir: string): Promise<string> {
  const { mtimeMs, size } = await fs.stat(path.join(dir, "content/metadata/timestamp.json"));
  return `${Math.floor(mtimeMs / 1_000)}-${size}`;
}

describe("timestamps", () => {
  test("of one second differ in length, however many there are", async () => {
    const dir = await newRepository("content");
    const validators = [await validatorOf(dir)];
    for (let count = 0; count < 8; count++) {
      await renewRepository({ dir, repository: "content" });
      validators.push(await validatorOf(dir));
      await (await newReader(dir, "content")).refresh();
    }
    expect(new Set(validators).size).toBe(validators.length);
  });

  test("differ in length when the clock was set back", async () => {
    const dir = await newRepository("content");
    const before = await fs.stat(path.join(dir, "content/metadata/timestamp.json"));
    await age(dir, -60);
    await renewRepository({ dir, repository: "content" });
    const after = await fs.stat(path.join(dir, "content/metadata/timestamp.json"));
    expect(after.size).toBeGreaterThan(before.size);
  });

  test("are no longer than need be in another second", async () => {
    const dir = await newRepository("content");
    for (let count = 0; count < 3; count++) await renewRepository({ dir, repository: "content" });
    await age(dir, 1);
    await renewRepository({ dir, repository: "content" });
    const text = await fs.readFile(path.join(dir, "content/metadata/timestamp.json"), "utf8");
    expect(text).toBe(text.trimEnd());
  });
});

describe.each([
  ["027", 0o027],
  ["077", 0o077],
])("with umask %s", (_, mask) => {
  let before = 0;
  beforeEach(() => {
    before = process.umask(mask);
  });
  afterEach(() => {
    process.umask(before);
  });

  test("everything published can be read by every account, and the keys by none but their owner's", async () => {
    const dir = path.join(await newFolder(), "www");
    await initRepository({ dir, repository: "content" });
    const payload = await writeTree(await newFolder(), { "sub/a": "text ".repeat(1_000), b: "b" });
    await addRelease({ dir, ...component, version: "1", path: payload });
    const entries = await fs.readdir(dir, { recursive: true, withFileTypes: true });
    expect(entries.length).toBeGreaterThan(10);
    for (const entry of entries) {
      const file = path.join(entry.parentPath, entry.name);
      const wanted = entry.name === ".lock" ? 0o600 : entry.isDirectory() ? 0o755 : 0o644;
      expect((await fs.stat(file)).mode & 0o777, file).toBe(wanted);
    }
    expect((await fs.stat(dir)).mode & 0o777).toBe(0o755);
    const keys = await fs.readdir(`${dir}.keys/content`);
    for (const name of keys) {
      expect((await fs.stat(path.join(`${dir}.keys/content`, name))).mode & 0o777, name).toBe(0o600);
    }
  });
});

describe("a folder above the repository that keeps the web server's account out", () => {
  test("is named when the repository is made", async () => {
    const folder = await newFolder();
    await fs.chmod(folder, 0o750);
    const { warnings } = await initRepository({ dir: path.join(folder, "www"), repository: "content" });
    expect(warnings).toEqual([expect.stringContaining(`${folder} keeps other accounts out`)]);
    await fs.chmod(folder, 0o755);
    const other = await initRepository({ dir: path.join(folder, "other"), repository: "content" });
    expect(other.warnings).toEqual([]);
  });
});

describe("half-written private keys of a publisher that was killed", () => {
  test("go with the next command", async () => {
    const dir = await newRepository("content");
    const left = path.join(`${dir}.keys/content`, ".new.4711.0123456789ab");
    await fs.writeFile(left, "half a key");
    await renewRepository({ dir, repository: "content" });
    await expect(fs.stat(left)).rejects.toThrow("ENOENT");
  });

  test("go with the init that completes it", async () => {
    const dir = path.join(await newFolder(), "www");
    await writeTree(`${dir}.keys/content`, { ".new.4711.0123456789ab": "half a key" });
    await initRepository({ dir, repository: "content" });
    expect((await fs.readdir(`${dir}.keys/content`)).filter((name) => name.startsWith("."))).toEqual([]);
  });
});
