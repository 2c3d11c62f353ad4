import { spawnSync } from "node:child_process";
import { promises as fs } from "node:fs";
import path from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { NearsourceError } from "../../src/errors.ts";
import {
  listFolder,
  readIfThere,
  refuseLink,
  rename,
  temporaryName,
  writeDurably,
} from "../../src/store/durable.ts";
import { codeOf, guardStorage, toStorageError } from "../../src/store/storageErrors.ts";
import { newFolder, readTree } from "../support/world.ts";

describe("a durable write", () => {
  test("never replaces what is there", async () => {
    const file = path.join(await newFolder(), "file");
    await writeDurably(file, "one", 0o600);
    await expect(writeDurably(file, "two")).rejects.toThrow("EEXIST");
    expect(await fs.readFile(file, "utf8")).toBe("one");
    expect((await fs.stat(file)).mode & 0o777).toBe(0o600);
  });

  test("does not follow a link in the place of its file", async () => {
    const folder = await newFolder();
    await fs.symlink(path.join(folder, "victim"), path.join(folder, "file"));
    await expect(writeDurably(path.join(folder, "file"), "x")).rejects.toThrow("EEXIST");
    expect(await fs.readdir(folder)).toEqual(["file"]);
  });

  test("goes to a name that nobody else uses", () => {
    const names = Array.from({ length: 1_000 }, () => temporaryName("/tmp", "label"));
    expect(new Set(names).size).toBe(1_000);
    expect(names[0]).toMatch(new RegExp(`^/tmp/label\\.${process.pid}\\.[0-9a-f]{12}$`));
  });
});

describe("reading", () => {
  test("what is not there gives nothing", async () => {
    const folder = await newFolder();
    await fs.writeFile(path.join(folder, "file"), "");
    expect(await readIfThere(path.join(folder, "none"))).toBeUndefined();
    expect(await readIfThere(path.join(folder, "file", "below"))).toBeUndefined();
    expect(await listFolder(path.join(folder, "none"))).toEqual([]);
    await refuseLink(path.join(folder, "none"));
    await refuseLink(path.join(folder, "file"));
  });

  test("through a symbolic link is refused", async () => {
    const folder = await newFolder();
    await fs.writeFile(path.join(folder, "secret"), "secret");
    await fs.symlink("secret", path.join(folder, "link"));
    await expect(readIfThere(path.join(folder, "link"))).rejects.toMatchObject({ code: "STORAGE_UNSAFE" });
    await expect(refuseLink(path.join(folder, "link"))).rejects.toMatchObject({ code: "STORAGE_UNSAFE" });
  });

  test("a folder as a file, or a file as a folder, is an error of the storage that names it", async () => {
    const folder = await newFolder();
    await fs.writeFile(path.join(folder, "file"), "");
    await expect(readIfThere(folder)).rejects.toMatchObject({ code: "STORAGE_FAILED" });
    await expect(listFolder(path.join(folder, "file"))).rejects.toMatchObject({
      code: "STORAGE_UNWRITABLE",
      message: expect.stringContaining(path.join(folder, "file")),
    });
  });
});

test("a rename moves a whole folder in one step", async () => {
  const folder = await newFolder();
  await fs.mkdir(path.join(folder, "from"));
  await fs.writeFile(path.join(folder, "from", "file"), "x");
  await rename(path.join(folder, "from"), path.join(folder, "to"));
  expect(Object.keys(await readTree(folder))).toEqual(["to/file"]);
});

describe("an error of the file system", () => {
  const failing = (code: string, syscall?: string) =>
    Object.assign(new Error(`${code}: no`), { code, syscall });

  test.for([
    ["ENOSPC", "DISK_FULL"],
    ["EDQUOT", "DISK_FULL"],
    ["EROFS", "STORAGE_UNWRITABLE"],
    ["EACCES", "STORAGE_UNWRITABLE"],
    ["EPERM", "STORAGE_UNWRITABLE"],
    ["ELOOP", "STORAGE_UNSAFE"],
    ["EIO", "STORAGE_FAILED"],
    ["EMFILE", "STORAGE_FAILED"],
    ["ENAMETOOLONG", "STORAGE_FAILED"],
  ])("%s is %s, says what could not be done, and keeps its cause", async ([system, code]) => {
    const cause = failing(system ?? "", "write");
    const guarded = guardStorage("cannot write it", () => Promise.reject(cause));
    await expect(guarded).rejects.toMatchObject({ code, message: "cannot write it", cause });
  });

  test("that is none of the file system's goes through as it is", async () => {
    const own = new NearsourceError("LOCKED", "locked");
    const network = failing("ECONNRESET");
    expect(toStorageError("cannot", own)).toBe(own);
    expect(toStorageError("cannot", network)).toBe(network);
    expect(toStorageError("cannot", undefined)).toBeUndefined();
    expect(codeOf(network)).toBe("ECONNRESET");
    expect(codeOf(new Error("plain"))).toBeUndefined();
    expect(await guardStorage("cannot", async () => 7)).toBe(7);
  });
});

/** A file that cannot be moved, as one that a scanner on Windows has open; here by an attribute of its. */
async function heldFile(folder: string): Promise<{ file: string; letGo: () => void } | string> {
  const file = path.join(folder, "held");
  await fs.writeFile(file, "held");
  const held = spawnSync("chattr", ["+i", file], { encoding: "utf8" });
  if (held.status !== 0) return `chattr cannot be used: ${held.stderr ?? held.error}`;
  const letGo = () => spawnSync("chattr", ["-i", file]);
  onTestFinished(() => void letGo());
  return { file, letGo };
}

describe("a rename that something holds up (F9)", () => {
  test("is made as soon as that lets go, where there are such things", async ({ skip }) => {
    const held = await heldFile(await newFolder());
    if (typeof held === "string") return skip(held);
    const renamed = rename(held.file, `${held.file}.moved`, true);
    // By then it has been refused once.
    await expect(fs.rename(held.file, `${held.file}.other`)).rejects.toMatchObject({ code: "EPERM" });
    held.letGo();
    await renamed;
    expect(await fs.readFile(`${held.file}.moved`, "utf8")).toBe("held");
  });

  test("replaces a file that is read-only, where the system refuses to (Windows)", async () => {
    const folder = await newFolder();
    const [from, to] = [path.join(folder, "from"), path.join(folder, "to")];
    await fs.writeFile(from, "new");
    await fs.writeFile(to, "old", { mode: 0o444 });
    const asOnWindows = async (source: string, target: string) => {
      const { mode } = await fs.lstat(target);
      if ((mode & 0o200) === 0) throw Object.assign(new Error("operation not permitted"), { code: "EPERM" });
      await fs.rename(source, target);
    };
    await rename(from, to, true, asOnWindows);
    expect(await fs.readFile(to, "utf8")).toBe("new");
  });

  test("is an error at once where there are none, and nothing was moved", async ({ skip }) => {
    const held = await heldFile(await newFolder());
    if (typeof held === "string") return skip(held);
    await expect(rename(held.file, `${held.file}.moved`, false)).rejects.toMatchObject({ code: "EPERM" });
    expect(await fs.readFile(held.file, "utf8")).toBe("held");
  });
});
