import { promises as fs } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import type { InstalledComponent } from "../../../src/core/content/chooseRelease.ts";
import type { DataDir } from "../../../src/store/dataDir.ts";
import {
  currentNumber,
  installedPath,
  listGenerations,
  readCurrent,
  readGeneration,
  removeGeneration,
  sweepGenerations,
  switchTo,
  unlinkCurrent,
} from "../../../src/store/generations/generations.ts";
import { makeGeneration } from "../../../src/store/generations/makeGeneration.ts";
import { storePath } from "../../../src/store/store.ts";
import { newDataDir, readTree, sha256 } from "../../support/world.ts";

const CREATED = "2026-11-23T12:00:00.000Z";

/** A component whose two files say which release they are of, in the store. */
async function component(dirs: DataDir, release: number, name = "rules"): Promise<InstalledComponent> {
  const files: InstalledComponent["files"] = [];
  for (const file of ["a.dat", "deep/b.dat"]) {
    const bytes = Buffer.from(`${name} ${release} ${file}`);
    const place = storePath(dirs, sha256(bytes));
    await fs.mkdir(path.dirname(place), { recursive: true });
    await fs.writeFile(place, bytes);
    files.push({ path: file, length: bytes.length, sha256: sha256(bytes) });
  }
  return { kind: "components", name, release, version: `${release}.0`, files };
}

/** A data directory with generations of these releases, the last one current. */
async function withGenerations(...releases: number[]): Promise<DataDir> {
  const dirs = await newDataDir();
  for (const release of releases)
    await switchTo(dirs, await makeGeneration(dirs, [await component(dirs, release)], CREATED));
  return dirs;
}

const current = (dirs: DataDir, file: string) =>
  fs.readFile(path.join(dirs.root, "current/components/rules", file), "utf8");

describe("a generation", () => {
  test("is given up when the run is interrupted", async () => {
    const dirs = await newDataDir();
    const parts = [await component(dirs, 1), await component(dirs, 1, "filters")];
    const signal = AbortSignal.abort(new Error("interrupted"));
    await expect(makeGeneration(dirs, parts, CREATED, undefined, signal)).rejects.toThrow("interrupted");
    expect(await fs.readdir(dirs.generations)).toEqual([]);
  });

  test("has every file at its path, as a link into the store, and is not current by itself", async () => {
    const dirs = await newDataDir();
    const rules = await component(dirs, 1);
    expect(await makeGeneration(dirs, [rules], CREATED)).toBe(1);
    expect(await currentNumber(dirs)).toBeUndefined();
    expect(await readGeneration(dirs, 1)).toEqual({ generation: 1, created: CREATED, components: [rules] });
    const installed = installedPath(dirs, 1, rules, "deep/b.dat");
    expect(await fs.readFile(installed, "utf8")).toBe("rules 1 deep/b.dat");
    const stored = storePath(dirs, rules.files[1]?.sha256 ?? "");
    expect((await fs.stat(installed)).ino).toBe((await fs.stat(stored)).ino);
    expect(await fs.readdir(dirs.tmp)).toEqual([]);
  });

  test("becomes current in one step, by a link that holds wherever the folder is moved", async () => {
    const dirs = await withGenerations(1, 2);
    expect(await currentNumber(dirs)).toBe(2);
    expect(await fs.readlink(path.join(dirs.root, "current"))).toBe(path.join("generations", "2"));
    expect(await current(dirs, "a.dat")).toBe("rules 2 a.dat");
    await fs.rename(dirs.root, `${dirs.root}-moved`);
    expect(await current({ ...dirs, root: `${dirs.root}-moved` }, "a.dat")).toBe("rules 2 a.dat");
    await fs.rename(`${dirs.root}-moved`, dirs.root);
  });

  test("is whole for whoever reads while it is switched, again and again", async () => {
    const dirs = await withGenerations(1, 2);
    let reading = true;
    const seen = new Set<string>();
    const reader = (async () => {
      while (reading) {
        const folder = await fs.realpath(path.join(dirs.root, "current"));
        const read = (file: string) => fs.readFile(path.join(folder, "components/rules", file), "utf8");
        const [a, b] = [await read("a.dat"), await read("deep/b.dat")];
        expect(b).toBe(a.replace("a.dat", "deep/b.dat"));
        seen.add(a);
      }
    })();
    for (let turn = 0; turn < 200; turn++) await switchTo(dirs, (turn % 2) + 1);
    reading = false;
    await reader;
    expect([...seen].sort()).toEqual(["rules 1 a.dat", "rules 2 a.dat"]);
  });

  test("of components in both kinds keeps them apart", async () => {
    const dirs = await newDataDir();
    const one = await component(dirs, 1);
    const other: InstalledComponent = { ...(await component(dirs, 2)), kind: "programs" };
    await switchTo(dirs, await makeGeneration(dirs, [one, other], CREATED));
    expect(Object.keys(await readTree(path.join(dirs.root, "current"))).sort()).toEqual([
      "components/rules/a.dat",
      "components/rules/deep/b.dat",
      "manifest.json",
      "programs/rules/a.dat",
      "programs/rules/deep/b.dat",
    ]);
  });

  test("whose object is not in the store is not made", async () => {
    const dirs = await newDataDir();
    const rules = await component(dirs, 1);
    await fs.rm(storePath(dirs, rules.files[0]?.sha256 ?? ""));
    await expect(makeGeneration(dirs, [rules], CREATED)).rejects.toMatchObject({
      code: "STORE_DAMAGED",
      message: "the store has lost a.dat of rules",
    });
    expect(await listGenerations(dirs)).toEqual([]);
  });

  test("does not take the number of one that was ever there and is still listed", async () => {
    const dirs = await withGenerations(1, 2, 3);
    await removeGeneration(dirs, 2);
    expect(await listGenerations(dirs)).toEqual([3, 1]);
    expect(await makeGeneration(dirs, [await component(dirs, 4)], CREATED)).toBe(4);
  });

  test("is no other folder that stands among them", async () => {
    const dirs = await withGenerations(1);
    for (const name of ["0", "01", "x", "1.tmp", "-1", "1e3"])
      await fs.mkdir(path.join(dirs.generations, name));
    expect(await listGenerations(dirs)).toEqual([1]);
  });
});

describe("a generation whose manifest", () => {
  const damage: [what: string, text: string][] = [
    ["is empty", ""],
    ["is cut", '{"generation": 1, "comp'],
    ["is not JSON", "garbage"],
    ["is null", "null"],
    ["is a list", "[]"],
    ["has a path that leads out", manifestWith({ path: "../../../etc/passwd" })],
    ["has a hash that is none", manifestWith({ sha256: "../x" })],
    ["has a negative length", manifestWith({ length: -1 })],
  ];

  function manifestWith(change: object): string {
    const file = { path: "a", length: 1, sha256: "ab", ...change };
    const rules = { kind: "components", name: "rules", release: 1, version: "1", files: [file] };
    return JSON.stringify({ generation: 1, created: CREATED, components: [rules] });
  }

  test.for(damage)("%s counts as none", async ([, text]) => {
    const dirs = await withGenerations(1);
    await fs.writeFile(path.join(dirs.generations, "1", "manifest.json"), text);
    expect(await readCurrent(dirs)).toBeUndefined();
  });

  test("is missing counts as none, and so does a current that leads nowhere", async () => {
    const dirs = await withGenerations(1);
    await fs.rm(path.join(dirs.generations, "1", "manifest.json"));
    expect(await readCurrent(dirs)).toBeUndefined();
    await fs.rm(path.join(dirs.generations, "1"), { recursive: true });
    expect(await readCurrent(dirs)).toBeUndefined();
    expect(await currentNumber(dirs)).toBe(1);
  });
});

describe("current", () => {
  test("that is a real folder is not touched: it is nobody's to delete but its owner's", async () => {
    const dirs = await newDataDir();
    await fs.mkdir(path.join(dirs.root, "current"));
    await fs.writeFile(path.join(dirs.root, "current", "file"), "precious");
    await expect(readCurrent(dirs)).rejects.toMatchObject({ code: "STORAGE_UNSAFE" });
    const made = await makeGeneration(dirs, [await component(dirs, 1)], CREATED);
    await expect(switchTo(dirs, made)).rejects.toMatchObject({ phase: "storage" });
    expect(await fs.readFile(path.join(dirs.root, "current", "file"), "utf8")).toBe("precious");
  });

  test("that is a file is refused", async () => {
    const dirs = await newDataDir();
    await fs.writeFile(path.join(dirs.root, "current"), "");
    await expect(readCurrent(dirs)).rejects.toMatchObject({ code: "STORAGE_UNSAFE" });
  });

  test.for(["/etc", "generations/x", "generations/-1", "elsewhere", "generations"])(
    "that leads to %s is none, and is replaced, not followed",
    async (target) => {
      const dirs = await newDataDir();
      await fs.symlink(target, path.join(dirs.root, "current"));
      expect(await readCurrent(dirs)).toBeUndefined();
      await switchTo(dirs, await makeGeneration(dirs, [await component(dirs, 1)], CREATED));
      expect(await current(dirs, "a.dat")).toBe("rules 1 a.dat");
    },
  );

  test("can be taken back, and is then as before the first installation", async () => {
    const dirs = await withGenerations(1);
    await unlinkCurrent(dirs);
    expect(await readCurrent(dirs)).toBeUndefined();
    await unlinkCurrent(dirs);
  });
});

describe("sweeping generations", () => {
  test("keeps the current one and the newest others, and says which objects they need", async () => {
    const dirs = await withGenerations(1, 2, 3, 4, 5);
    const needed = await sweepGenerations(dirs, 3);
    expect(await listGenerations(dirs)).toEqual([5, 4, 3]);
    const expected = (await Promise.all([3, 4, 5].map((release) => component(dirs, release)))).flatMap(
      ({ files }) => files.map((file) => file.sha256),
    );
    expect(needed).toEqual(new Set(expected));
  });

  test("never deletes the current one, however old it is", async () => {
    const dirs = await withGenerations(1, 2, 3, 4);
    await switchTo(dirs, 1);
    await sweepGenerations(dirs, 1);
    expect(await listGenerations(dirs)).toEqual([1]);
    expect(await current(dirs, "a.dat")).toBe("rules 1 a.dat");
  });

  test("deletes those whose manifest is damaged, but for the current one", async () => {
    const dirs = await withGenerations(1, 2, 3);
    for (const number of ["2", "3"])
      await fs.writeFile(path.join(dirs.generations, number, "manifest.json"), "{");
    await sweepGenerations(dirs, 3);
    expect(await listGenerations(dirs)).toEqual([3, 1]);
  });
});
