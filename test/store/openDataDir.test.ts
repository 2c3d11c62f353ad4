import { promises as fs } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { dataDirAt } from "../../src/store/dataDir.ts";
import { refuseLinks } from "../../src/store/links.ts";
import { MARKER, openDataDir } from "../../src/store/openDataDir.ts";
import { newFolder, readTree } from "../support/world.ts";

const FOLDERS = ["store", "generations", "metadata", "partial", "tmp"] as const;
const isRoot = process.getuid?.() === 0;

describe("a data directory", () => {
  test("is made with its folders, however deep it lies, and opened again as it is", async () => {
    const root = path.join(await newFolder(), "a/b/data");
    const dirs = await openDataDir(root);
    expect((await fs.readdir(root)).sort()).toEqual([MARKER, ...FOLDERS].sort());
    await fs.writeFile(path.join(dirs.store, "kept"), "");
    expect(await openDataDir(root)).toEqual(dirs);
    expect(await fs.readdir(dirs.store)).toEqual(["kept"]);
  });

  test("that is only to be read is not made", async () => {
    const root = path.join(await newFolder(), "data");
    expect(dataDirAt(root).store).toBe(path.join(root, "store"));
    await expect(fs.stat(root)).rejects.toThrow("ENOENT");
  });

  test.for(FOLDERS)(
    "is refused when a symbolic link stands at %s, and nothing is written through it",
    async (name) => {
      const folder = await newFolder();
      const victim = path.join(folder, "victim");
      await fs.mkdir(victim);
      const { root } = await openDataDir(path.join(folder, "data"));
      await fs.rmdir(path.join(root, name));
      await fs.symlink(victim, path.join(root, name));
      await expect(openDataDir(root)).rejects.toMatchObject({
        code: "STORAGE_UNSAFE",
        message: `${path.join(root, name)} is a symbolic link`,
        hint: expect.stringContaining("move it away"),
      });
      expect(await fs.readdir(victim)).toEqual([]);
    },
  );

  test.for(FOLDERS)("is refused when a dangling link stands at %s", async (name) => {
    const { root } = await openDataDir(await newFolder());
    await fs.rmdir(path.join(root, name));
    await fs.symlink("/nowhere/at/all", path.join(root, name));
    await expect(openDataDir(root)).rejects.toMatchObject({ code: "STORAGE_UNSAFE" });
  });

  test.for(FOLDERS)("is refused when a file stands at %s", async (name) => {
    const { root } = await openDataDir(await newFolder());
    await fs.rmdir(path.join(root, name));
    await fs.writeFile(path.join(root, name), "precious");
    await expect(openDataDir(root)).rejects.toMatchObject({ code: "STORAGE_UNWRITABLE" });
    expect(await fs.readFile(path.join(root, name), "utf8")).toBe("precious");
  });

  test.runIf(process.platform === "linux")(
    "where no folder can be made is refused, and not tried for ever",
    async () => {
      await expect(openDataDir("/proc/nearsource/data")).rejects.toMatchObject({ phase: "storage" });
    },
  );

  test("that is a file, or below one, is refused", async () => {
    const file = path.join(await newFolder(), "file");
    await fs.writeFile(file, "");
    await expect(openDataDir(file)).rejects.toMatchObject({ phase: "storage" });
    await expect(openDataDir(path.join(file, "data"))).rejects.toMatchObject({ code: "STORAGE_UNWRITABLE" });
  });

  test("may itself stand behind a link, which its administrator made", async () => {
    const folder = await newFolder();
    await fs.mkdir(path.join(folder, "real"));
    await fs.symlink("real", path.join(folder, "data"));
    await openDataDir(path.join(folder, "data"));
    expect((await fs.readdir(path.join(folder, "real"))).sort()).toEqual([MARKER, ...FOLDERS].sort());
  });

  test("that everybody may write to is refused", async () => {
    const root = await newFolder();
    await fs.chmod(root, 0o777);
    await expect(openDataDir(root)).rejects.toMatchObject({
      code: "STORAGE_UNSAFE",
      message: `the data directory ${root} can be written by other accounts (mode 0777)`,
    });
  });

  test.skipIf(!isRoot)("that belongs to another account is refused", async () => {
    const root = await newFolder();
    await fs.chown(root, 12_345, 12_345);
    await expect(openDataDir(root)).rejects.toMatchObject({
      code: "STORAGE_UNSAFE",
      message: expect.stringContaining("belongs to another account"),
    });
  });

  test.skipIf(isRoot)("that cannot be written to is refused", async () => {
    const folder = await newFolder();
    await fs.chmod(folder, 0o555);
    await expect(openDataDir(path.join(folder, "data"))).rejects.toMatchObject({
      code: "STORAGE_UNWRITABLE",
    });
    await fs.chmod(folder, 0o755);
  });
});

describe("a folder that is not ours", () => {
  /** A folder of somebody's, with the names in it that are swept in one of ours. */
  async function foreign(...places: string[]): Promise<string> {
    const root = await newFolder();
    for (const place of places) {
      await fs.mkdir(path.dirname(path.join(root, place)), { recursive: true });
      await fs.writeFile(path.join(root, place), "precious");
    }
    return root;
  }

  test.for([
    [["tmp/a", "partial/b", "store/ab/c"]],
    [["tmp/a", "partial/b", "store/ab/c", "generations/1/d", "metadata/e"]],
    [["tmp/a", "partial/b", "store/shoes.txt", "generations/1/d", "metadata/e", "lock"]],
    [["tmp/a"]],
    [["lock", "state.json"]],
    [["notes.txt"]],
  ])("is refused, and stays as it is: %j", async ([places = []]) => {
    const root = await foreign(...places);
    const before = await readTree(root);
    const [first] = (await fs.readdir(root)).sort();
    await expect(openDataDir(root)).rejects.toMatchObject({
      code: "STORAGE_UNSAFE",
      message: expect.stringContaining(`${root} is not a data directory of nearsource: it holds ${first}`),
      hint: expect.stringContaining("empty"),
    });
    expect(await readTree(root)).toEqual(before);
    expect(await fs.readdir(root)).toHaveLength(new Set(places.map((place) => place.split("/")[0])).size);
  });

  test("is no folder that is empty, but for what a file system puts there", async () => {
    const root = await newFolder();
    await fs.mkdir(path.join(root, "lost+found"));
    await openDataDir(root);
    expect(await fs.readdir(root)).toContain(MARKER);
  });

  test("is none that a version before markers made, however little of it", async () => {
    const used = await foreign("tmp/a", "partial/b", "store/ab/c", "generations/1/d", "metadata/e", "lock");
    const begun = await newFolder();
    for (const name of ["store", "generations"]) await fs.mkdir(path.join(begun, name));
    for (const root of [used, begun]) {
      const before = await readTree(root);
      await openDataDir(root);
      expect(await readTree(root)).toEqual({ ...before, [MARKER]: expect.anything() });
      await openDataDir(root);
    }
  });
});

describe.runIf(process.platform !== "win32")("another account", () => {
  test("that can turn a data directory elsewhere, from any folder above, has it refused", async () => {
    const above = await newFolder();
    const root = path.join(above, "between", "data");
    await openDataDir(root);
    await fs.chmod(above, 0o777);
    await expect(openDataDir(root)).rejects.toMatchObject({
      code: "STORAGE_UNSAFE",
      message: `the data directory ${root} stands in ${above}, which can be written by other accounts (mode 0777)`,
    });
    await fs.chmod(above, 0o1777);
    await openDataDir(root);
  });

  test.skipIf(!isRoot)(
    "that owns a link on the way has it refused, with nothing made beyond it",
    async () => {
      const folder = await newFolder();
      await fs.chmod(folder, 0o1777);
      await fs.mkdir(path.join(folder, "real"));
      await fs.symlink("real", path.join(folder, "link"));
      await fs.lchown(path.join(folder, "link"), 12_345, 12_345);
      await expect(openDataDir(path.join(folder, "link", "data"))).rejects.toMatchObject({
        code: "STORAGE_UNSAFE",
        message: expect.stringContaining("belongs to another account (uid 12345"),
      });
      expect(await fs.readdir(path.join(folder, "real"))).toEqual([]);
    },
  );

  test.for([
    "store",
    "store/ab",
    "generations",
    "generations/1/components",
    "metadata/content",
    "partial",
    "tmp",
    "relay",
    "agent",
  ])("that can write to %s inside is no accomplice: all is refused until that is mended", async (name) => {
    const dirs = await openDataDir(path.join(await newFolder(), "data"));
    const place = path.join(dirs.root, name);
    await fs.mkdir(place, { recursive: true });
    for (const mode of isRoot ? [0o777, 0o775] : [0o777]) {
      await fs.chmod(place, mode);
      await expect(refuseLinks(dirs)).rejects.toMatchObject({
        code: "STORAGE_UNSAFE",
        message: `${place} can be written by other accounts (mode 0${mode.toString(8)})`,
        hint: expect.stringContaining(`chmod go-w ${place}`),
      });
    }
    await fs.chmod(place, 0o755);
    await refuseLinks(dirs);
  });
});
