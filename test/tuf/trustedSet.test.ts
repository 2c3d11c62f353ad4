import { promises as fs } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import type { DataDir } from "../../src/store/dataDir.ts";
import {
  describeRole,
  isNumberedRoot,
  openTrustedSet,
  readTrustedSet,
  writeTrustedSet,
} from "../../src/tuf/trustedSet.ts";
import { newDataDir, readTree } from "../support/world.ts";

const ROOT = Buffer.from("the shipped root");
const FILES = new Map([
  ["root.json", ROOT],
  ["2.root.json", Buffer.from("the second root")],
  ["timestamp.json", Buffer.from("a timestamp")],
]);
const DOCUMENTS = new Map([
  ["settings/source-list.json", Buffer.from("a list")],
  ["settings/policies/berlin.json", Buffer.from("a policy")],
]);

const home = (dirs: DataDir) => path.join(dirs.metadata, "settings");
const write = (dirs: DataDir) => writeTrustedSet(dirs, "settings", { files: FILES, documents: DOCUMENTS });

describe("a trusted set", () => {
  test("comes back as it was written, and is the only one on disk", async () => {
    const dirs = await newDataDir();
    await write(dirs);
    const written = await write(dirs);
    expect(await fs.readdir(home(dirs))).toEqual(["2"]);
    expect(await readTrustedSet(dirs, "settings")).toEqual(written);
    expect(written).toMatchObject({ files: FILES, documents: DOCUMENTS, folder: path.join(home(dirs), "2") });
    expect(await fs.readdir(dirs.tmp)).toEqual([]);
    expect(await readTrustedSet(dirs, "content")).toBeUndefined();
  });

  test("of many documents is given up when the run is interrupted, and the one before stays", async () => {
    const dirs = await newDataDir();
    const before = await write(dirs);
    const run = new AbortController();
    const many = Array.from({ length: 5_000 }, (_, index) => [`settings/${index}.json`, ROOT] as const);
    const writing = writeTrustedSet(dirs, "settings", { files: FILES, documents: new Map(many) }, run.signal);
    run.abort(new Error("interrupted"));
    await expect(writing).rejects.toThrow("interrupted");
    expect(await readTrustedSet(dirs, "settings")).toEqual(before);
    expect(await fs.readdir(home(dirs))).toEqual(["1"]);
  });

  test("is the one with the highest number, whatever else stands beside it", async () => {
    const dirs = await newDataDir();
    await write(dirs);
    await fs.rename(path.join(home(dirs), "1"), path.join(home(dirs), "10"));
    for (const name of ["9", "0", "011", "x", "11.tmp"]) await fs.mkdir(path.join(home(dirs), name));
    expect((await readTrustedSet(dirs, "settings"))?.files).toEqual(FILES);
    await openTrustedSet(dirs, "settings", ROOT);
    expect((await fs.readdir(home(dirs))).sort()).toEqual(["0", "011", "10", "11.tmp", "x"]);
  });

  test("begins with the root that ships with the agent", async () => {
    const dirs = await newDataDir();
    const set = await openTrustedSet(dirs, "settings", ROOT);
    expect(set.files).toEqual(new Map([["root.json", ROOT]]));
    expect(await openTrustedSet(dirs, "settings", ROOT)).toEqual(set);
    expect(await fs.readdir(home(dirs))).toEqual(["1"]);
  });

  test("goes on from another shipped root with what is held, the chain of roots only if it is part of it", async () => {
    const dirs = await newDataDir();
    await write(dirs);
    const same = await openTrustedSet(dirs, "settings", Buffer.from("the second root"));
    expect([...same.files.keys()].sort()).toEqual(["2.root.json", "root.json", "timestamp.json"]);
    const other = await openTrustedSet(dirs, "settings", Buffer.from("another root"));
    expect([...other.files.keys()].sort()).toEqual(["root.json", "timestamp.json"]);
    expect(other.documents).toEqual(DOCUMENTS);
  });

  test("is refused in a folder that is a link, and nothing is written through it", async () => {
    const dirs = await newDataDir();
    const victim = path.join(path.dirname(dirs.root), "victim");
    await fs.mkdir(victim);
    await fs.symlink(victim, home(dirs));
    await expect(write(dirs)).rejects.toMatchObject({ code: "STORAGE_UNSAFE" });
    expect(await fs.readdir(victim)).toEqual([]);
  });

  test("is refused in the place of a file", async () => {
    const dirs = await newDataDir();
    await fs.writeFile(home(dirs), "");
    await expect(write(dirs)).rejects.toMatchObject({ phase: "storage" });
  });

  test("with a link in the place of a file is refused as unsafe", async () => {
    const dirs = await newDataDir();
    const { folder } = await write(dirs);
    await fs.rm(path.join(folder, "timestamp.json"));
    await fs.symlink("/etc/hosts", path.join(folder, "timestamp.json"));
    await expect(openTrustedSet(dirs, "settings", ROOT)).rejects.toMatchObject({ code: "STORAGE_UNSAFE" });
  });

  test("keeps files that are no metadata out of it", async () => {
    const dirs = await newDataDir();
    const { folder } = await write(dirs);
    await fs.writeFile(path.join(folder, "notes.txt"), "x");
    expect([...((await readTrustedSet(dirs, "settings"))?.files.keys() ?? [])].sort()).toEqual(
      [...FILES.keys()].sort(),
    );
    expect(Object.keys(await readTree(folder))).toContain("notes.txt");
  });
});

test("a role is described for people, and one that cannot be read is not", () => {
  const signed = { version: 7, expires: "2027-01-01T00:00:00Z", signed_at: "2026-01-01T00:00:00Z", extra: 1 };
  expect(describeRole(Buffer.from(JSON.stringify({ signed })))).toEqual({
    version: 7,
    expires: "2027-01-01T00:00:00Z",
    signedAt: "2026-01-01T00:00:00Z",
  });
  for (const text of ["", "{", "null", "{}", '{"signed":null}'])
    expect(describeRole(Buffer.from(text))).toBeUndefined();
  expect(describeRole(undefined)).toBeUndefined();
});

test("only N.root.json is a numbered root", () => {
  expect(["1.root.json", "42.root.json"].every(isNumberedRoot)).toBe(true);
  expect(["root.json", "x.root.json", "1.root.json.tmp", "-1.root.json"].some(isNumberedRoot)).toBe(false);
});
