import { promises as fs } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { adopt, hashFile, inStore, storePath, sweepStore } from "../../src/store/store.ts";
import { newDataDir, readTree, sha256 } from "../support/world.ts";

const BYTES = Buffer.from("some object");
const NAME = sha256(BYTES);
const object = { sha256: NAME, length: BYTES.length };

/** A data directory with a finished file that waits to be adopted. */
async function withFile(bytes = BYTES) {
  const dirs = await newDataDir();
  const file = path.join(dirs.partial, NAME);
  await fs.writeFile(file, bytes);
  return { dirs, file };
}

describe("the store", () => {
  test("keeps an object under its hash, in a folder of the first two digits, read-only", async () => {
    const { dirs, file } = await withFile();
    expect(await inStore(dirs, object)).toBe(false);
    await adopt(dirs, file, NAME);
    expect(storePath(dirs, NAME)).toBe(path.join(dirs.store, NAME.slice(0, 2), NAME));
    expect(await inStore(dirs, object)).toBe(true);
    expect(await readTree(dirs.store)).toEqual({ [path.join(NAME.slice(0, 2), NAME)]: BYTES });
    expect((await fs.stat(storePath(dirs, NAME))).mode & 0o777).toBe(0o444);
  });

  test("takes the same object again in the place of one that was altered", async () => {
    const { dirs, file } = await withFile();
    await adopt(dirs, file, NAME);
    await fs.chmod(storePath(dirs, NAME), 0o644);
    await fs.writeFile(storePath(dirs, NAME), "altered");
    await fs.writeFile(file, BYTES);
    await adopt(dirs, file, NAME);
    expect(await hashFile(storePath(dirs, NAME))).toEqual(object);
  });

  test("does not have what is of another length, a folder, or a link", async () => {
    const { dirs, file } = await withFile();
    await adopt(dirs, file, NAME);
    expect(await inStore(dirs, { ...object, length: 5 })).toBe(false);
    for (const plant of ["folder", "link"]) {
      await fs.rm(storePath(dirs, NAME), { recursive: true });
      if (plant === "folder") await fs.mkdir(storePath(dirs, NAME));
      else await fs.symlink("/etc/hosts", storePath(dirs, NAME));
      expect(await inStore(dirs, object)).toBe(false);
    }
  });

  test("takes an object in the place of a link that was planted there, not through it", async () => {
    const { dirs, file } = await withFile();
    const victim = path.join(dirs.root, "victim");
    await fs.writeFile(victim, "precious");
    await fs.mkdir(path.dirname(storePath(dirs, NAME)));
    await fs.symlink(victim, storePath(dirs, NAME));
    await adopt(dirs, file, NAME);
    expect(await fs.readFile(victim, "utf8")).toBe("precious");
    expect(await inStore(dirs, object)).toBe(true);
  });

  test("refuses a folder of two digits that is a link or a file", async () => {
    const { dirs, file } = await withFile();
    const place = path.dirname(storePath(dirs, NAME));
    await fs.symlink("/tmp", place);
    await expect(adopt(dirs, file, NAME)).rejects.toMatchObject({ code: "STORAGE_UNSAFE" });
    await fs.rm(place);
    await fs.writeFile(place, "");
    await expect(adopt(dirs, file, NAME)).rejects.toMatchObject({ code: "STORAGE_UNWRITABLE" });
    expect(await fs.readFile(file)).toEqual(BYTES);
  });

  test("loses what nobody keeps, and nothing else", async () => {
    const { dirs, file } = await withFile();
    await adopt(dirs, file, NAME);
    const other = sha256(Buffer.from("other"));
    await fs.mkdir(path.dirname(storePath(dirs, other)), { recursive: true });
    await fs.writeFile(storePath(dirs, other), "other");
    await sweepStore(dirs, new Set([NAME]));
    expect(Object.values(await readTree(dirs.store))).toEqual([BYTES]);
    await sweepStore(dirs, new Set());
    expect(await readTree(dirs.store)).toEqual({});
  });

  test("is swept of a planted link without what it leads to", async () => {
    const { dirs } = await withFile();
    const victim = path.join(dirs.root, "victim");
    await fs.mkdir(victim);
    await fs.writeFile(path.join(victim, "file"), "precious");
    await fs.mkdir(path.join(dirs.store, "ab"));
    await fs.symlink(victim, path.join(dirs.store, "ab", "abcd"));
    await sweepStore(dirs, new Set());
    expect(await fs.readdir(victim)).toEqual(["file"]);
  });
});

describe("hashing a file", () => {
  test("reads it through, however long it is", async () => {
    const bytes = Buffer.alloc(3_000_001, "x");
    const { file } = await withFile(bytes);
    expect(await hashFile(file)).toEqual({ sha256: sha256(bytes), length: bytes.length });
  });

  test("gives nothing where no plain file is: none, a folder, a link, a file above it", async () => {
    const { dirs, file } = await withFile();
    await fs.symlink(file, path.join(dirs.root, "link"));
    for (const place of [
      path.join(dirs.root, "none"),
      dirs.tmp,
      path.join(dirs.root, "link"),
      path.join(file, "below"),
    ])
      expect(await hashFile(place)).toBeUndefined();
  });
});
