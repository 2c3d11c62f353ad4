import { promises as fs } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { refuseUnsafe } from "../../src/store/safePath.ts";
import { newFolder } from "../support/world.ts";

const isRoot = process.geteuid?.() === 0;
const hasModes = process.platform !== "win32";

/** A folder in a folder, and a file in it that nobody else can write. */
async function place() {
  const outer = await newFolder();
  const folder = path.join(outer, "inner");
  await fs.mkdir(folder, { mode: 0o755 });
  const file = path.join(folder, "file");
  await fs.writeFile(file, "{}", { mode: 0o644 });
  return { outer, folder, file };
}

const refused = (file: string, options = {}) => {
  try {
    refuseUnsafe(file, "the configuration", options);
    return undefined;
  } catch (error) {
    const { code, message, hint } = error as { code: string; message: string; hint: string };
    return { code, message, hint };
  }
};

describe.runIf(hasModes)("what another account can write is refused:", () => {
  test("a file, whatever gives the right", async () => {
    const { file } = await place();
    for (const mode of [0o666, 0o646, 0o664, 0o602]) {
      await fs.chmod(file, mode);
      // Their own group is not another account to people; it is to root.
      if (!isRoot && (mode & 0o002) === 0) continue;
      expect(refused(file)).toEqual({
        code: "FILE_UNSAFE",
        message: `the configuration ${file} can be written by other accounts (mode 0${mode.toString(8)})`,
        hint: `take that right away from them: chmod go-w ${file}`,
      });
    }
    await fs.chmod(file, 0o644);
    expect(refused(file)).toBeUndefined();
  });

  test("a folder that it stands in, at any height", async () => {
    const { outer, folder, file } = await place();
    for (const above of [folder, outer]) {
      await fs.chmod(above, 0o777);
      expect(refused(file)?.message).toBe(
        `the configuration ${file} stands in ${above}, which can be written by other accounts (mode 0777)`,
      );
      await fs.chmod(above, 0o755);
    }
    expect(refused(file)).toBeUndefined();
  });

  test.runIf(isRoot)(
    "a file, a folder or a link that is another account's, in a sticky folder too",
    async () => {
      const { outer, folder, file } = await place();
      await fs.chmod(outer, 0o1777);
      for (const theirs of [file, folder]) {
        await fs.chown(theirs, 65_534, 65_534);
        expect(refused(file)?.message).toContain("belongs to another account (uid 65534");
        await fs.chown(theirs, 0, 0);
      }
      expect(refused(file)).toBeUndefined();
      const link = path.join(outer, "link");
      await fs.symlink(file, link);
      expect(refused(link)).toBeUndefined();
      await fs.lchown(link, 65_534, 65_534);
      expect(refused(link)?.message).toContain("belongs to another account (uid 65534");
    },
  );

  test("what a link leads to, and what stands on the way there", async () => {
    const { outer, folder, file } = await place();
    const links = path.join(outer, "links");
    await fs.mkdir(links);
    await fs.symlink("../inner", path.join(links, "one"));
    const named = path.join(links, "one", "file");
    expect(refused(named)).toBeUndefined();
    await fs.chmod(folder, 0o777);
    expect(refused(named)?.message).toContain(`stands in ${folder}, which can be written`);
    await fs.chmod(folder, 0o755);
    await fs.chmod(file, 0o666);
    expect(refused(named)?.message).toContain(`leads through ${file}, which can be written`);
  });

  test("a secret that is to be read, too; a group may read what is root's", async () => {
    const { file } = await place();
    for (const [mode, isSafe] of [
      [0o644, false],
      [0o604, false],
      [0o640, isRoot],
      [0o600, true],
    ] as const) {
      await fs.chmod(file, mode);
      expect(refused(file, { secret: true }) === undefined, mode.toString(8)).toBe(isSafe);
      expect(refused(file)).toBeUndefined();
    }
  });
});

test("what is missing, and links in circles, are left to whoever reads them", async () => {
  const { outer } = await place();
  expect(refused(path.join(outer, "missing", "file"))).toBeUndefined();
  await fs.symlink("circle", path.join(outer, "circle"));
  expect(refused(path.join(outer, "circle"))).toBeUndefined();
});
