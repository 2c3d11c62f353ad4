import { spawn } from "node:child_process";
import { once } from "node:events";
import { promises as fs, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { addRelease } from "../../src/publisher/addRelease.ts";
import { initRepository } from "../../src/publisher/init.ts";
import { renewRepository } from "../../src/publisher/renewRepository.ts";
import { nearsource } from "../real/commandLine.ts";
import { bundle } from "../support/program.ts";
import { newFolder, newReader, newRepository, readManifest, readRelease, writeTree } from "./fixture.ts";

const component = { kind: "components", name: "vp" } as const;
const child = await bundle(path.join(import.meta.dirname, "crashChild.ts"));

/** The timer's keys folder, as docs/publishing.md has it: the two online keys and the two files beside them. */
async function newTimerKeys(dir: string): Promise<string> {
  const keys = path.join(await newFolder(), "keys");
  await fs.mkdir(path.join(keys, "content"), { recursive: true });
  for (const name of ["timestamp.pem", "snapshot.pem", "publisher.json", "published.json"]) {
    await fs.copyFile(path.join(`${dir}.keys/content`, name), path.join(keys, "content", name));
  }
  return keys;
}

async function newPayload(content: string): Promise<string> {
  return writeTree(await newFolder(), { "data.bin": content });
}

/** A publisher that stands still once its n-th file is in place; `goOn` lets it finish and tells its exit code. */
async function addAndStop(options: object, atFile: number) {
  const args = [child, "add", JSON.stringify(options), String(atFile), "SIGSTOP"];
  const publisher = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
  const closed = once(publisher, "close");
  const isStopped = () => /^State:\s+T/m.test(readFileSync(`/proc/${publisher.pid}/status`, "utf8"));
  while (!isStopped()) await sleep(10);
  return async () => {
    publisher.kill("SIGCONT");
    return (await closed)[0];
  };
}

async function expectWhole(dir: string, versions: string[]): Promise<void> {
  const manifest = await readManifest(dir, "components", "vp");
  expect(manifest?.releases.map(({ version }) => version)).toEqual(versions);
  if (manifest === undefined) throw new Error("no manifest");
  for (const { release } of manifest.releases) await readRelease(dir, manifest, release);
}

describe.runIf(process.platform === "linux")(
  "a publisher in the middle of its work, and another with other keys",
  () => {
    test("the other is refused, and takes nothing away", async () => {
      const dir = await newRepository("content");
      const keysDir = await newTimerKeys(dir);
      for (const atFile of [1, 2, 3, 4]) {
        const options = {
          dir,
          ...component,
          version: `${atFile}`,
          path: await newPayload(`content ${atFile}`),
        };
        const goOn = await addAndStop(options, atFile);
        const refresh = renewRepository({ dir, keysDir, repository: "content" });
        await expect(refresh, `stopped at ${atFile}`).rejects.toMatchObject({ code: "LOCKED" });
        expect(await goOn()).toBe(0);
        await expectWhole(dir, ["4", "3", "2", "1"].slice(4 - atFile));
      }
      await renewRepository({ dir, keysDir, repository: "content" });
      await expectWhole(dir, ["4", "3", "2", "1"]);
    });

    test("the other waits where it is told to", async () => {
      const dir = await newRepository("content");
      const keysDir = await newTimerKeys(dir);
      const goOn = await addAndStop({ dir, ...component, version: "1", path: await newPayload("one") }, 2);
      const refresh = nearsource("repo", "refresh", dir, "--keys", keysDir, "--wait");
      await sleep(500);
      expect(await goOn()).toBe(0);
      expect(await refresh).toMatchObject({ code: 0, stdout: "content: signed timestamp\n" });
      await expectWhole(dir, ["1"]);
    });

    test("where no lock keeps them apart, the other still takes away nothing that is new", async () => {
      const dir = await newRepository("content");
      const keysDir = await newTimerKeys(dir);
      await addRelease({ dir, ...component, version: "1", path: await newPayload("one") });
      const goOn = await addAndStop({ dir, ...component, version: "2", path: await newPayload("two") }, 3);
      // As on a file system on which locks are not seen by everybody.
      await fs.rm(path.join(dir, "content/.lock"));
      await renewRepository({ dir, keysDir, repository: "content" });
      expect(await goOn()).toBe(0);
      await expectWhole(dir, ["2", "1"]);
    });
  },
);

test("commands that come all at once with two keys folders leave a whole repository, and each its work or exit 5", async () => {
  const dir = await newRepository("content");
  const keysDir = await newTimerKeys(dir);
  const folder = await newPayload("content");
  const adds = [1, 2, 3].map((each) => nearsource("repo", "add", dir, "components/vp", `${each}`, folder));
  const refreshes = [1, 2, 3].map(() => nearsource("repo", "refresh", dir, "--keys", keysDir));
  const codes = (await Promise.all([...adds, ...refreshes])).map(({ code }) => code);
  expect(codes).toContain(0);
  for (const code of codes) expect([0, 5]).toContain(code);
  const manifest = await readManifest(dir, "components", "vp");
  const added = codes.slice(0, 3).filter((code) => code === 0).length;
  expect(manifest?.releases.length ?? 0).toBe(added);
  await renewRepository({ dir, keysDir, repository: "content" });
});

test("the lock is its folder's owner's, and nobody else's, unless a group may publish too", async () => {
  const modeOf = async (dir: string) => {
    const { mode, uid, gid } = await fs.stat(path.join(dir, "content/.lock"));
    return { mode: mode & 0o777, uid, gid };
  };
  const dir = await newRepository("content");
  const { uid, gid } = await fs.stat(path.join(dir, "content"));
  expect(await modeOf(dir)).toEqual({ mode: 0o600, uid, gid });
  await fs.chmod(path.join(dir, "content"), 0o775);
  await fs.rm(path.join(dir, "content/.lock"));
  await renewRepository({ dir, repository: "content" });
  expect(await modeOf(dir)).toEqual({ mode: 0o660, uid, gid });
});

test("a link in the place of the lock is not followed", async () => {
  const dir = await newRepository("content");
  const lock = path.join(dir, "content/.lock");
  const elsewhere = path.join(await newFolder(), "made");
  await fs.rm(lock);
  await fs.symlink(elsewhere, lock);
  await expect(renewRepository({ dir, repository: "content" })).rejects.toMatchObject({
    code: "STORAGE_UNSAFE",
  });
  await expect(fs.stat(elsewhere)).rejects.toThrow("ENOENT");
});

test("of two repositories that are made at once in one web root with two keys folders, one comes about", async () => {
  const dir = path.join(await newFolder(), "www");
  const init = async () =>
    initRepository({ dir, keysDir: path.join(await newFolder(), "keys"), repository: "content" });
  const results = await Promise.allSettled([init(), init(), init()]);
  const refused = results.filter((each) => each.status === "rejected").map((each) => each.reason.code);
  expect(refused).toHaveLength(2);
  for (const code of refused) expect(["LOCKED", "REPOSITORY_EXISTS"]).toContain(code);
  await (await newReader(dir, "content")).refresh();
});
