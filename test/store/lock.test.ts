import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { isLocked, type Lock, takeLock } from "../../src/store/lock.ts";
import { openDataDir } from "../../src/store/openDataDir.ts";
import { update } from "../../src/update/update.ts";
import { newFolder, writeJson } from "../support/world.ts";

const LOCK = pathToFileURL(path.resolve("src/store/lock.ts")).href;

/** A process that takes the lock of `folder`, says so once its garbage is collected, and keeps it for ever. */
async function holder(folder: string): Promise<ChildProcess> {
  const script = `
    const { takeLock } = await import(${JSON.stringify(LOCK)});
    await takeLock(${JSON.stringify(folder)}).then(() => undefined);
    setInterval(() => {}, 1_000_000);
    setImmediate(() => { gc(); setImmediate(() => process.stdout.write("held")); });`;
  const child = spawn(process.execPath, ["--expose-gc", "--input-type=module", "--eval", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  await once(child.stdout as NonNullable<typeof child.stdout>, "data");
  return child;
}

async function killed(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const ended = once(child, "exit");
  child.kill(signal);
  await ended;
}

describe("the lock of a data directory", () => {
  test("keeps another process out, which learns who holds it", async () => {
    const folder = await newFolder();
    const child = await holder(folder);
    const who = process.platform === "linux" ? `process ${child.pid}` : "another process";
    await expect(takeLock(folder)).rejects.toMatchObject({
      code: "LOCKED",
      message: `another update is running (${who})`,
      hint: expect.stringContaining("--wait"),
    });
  });

  test.for(["SIGKILL", "SIGTERM"] as const)("is free at once when its holder dies of %s", async (signal) => {
    const folder = await newFolder();
    const child = await holder(folder);
    await killed(child, signal);
    (await takeLock(folder)).release();
  });

  test("keeps a second run in the same process out, until the first releases it", async () => {
    const folder = await newFolder();
    const first = await takeLock(folder);
    await expect(takeLock(folder)).rejects.toMatchObject({ code: "LOCKED" });
    first.release();
    const second = await takeLock(folder);
    second.release();
  });

  test("is held until it is released, though nobody keeps what taking it gave", async () => {
    const folder = await newFolder();
    await holder(folder);
    await expect(takeLock(folder)).rejects.toMatchObject({ code: "LOCKED" });
  });

  test("is not refused because somebody looks whether it is held", async () => {
    const folder = await newFolder();
    (await takeLock(folder)).release();
    const glance = new DatabaseSync(path.join(folder, "lock"), { readOnly: true });
    glance.exec("BEGIN; SELECT count(*) FROM sqlite_schema");
    const taking = takeLock(folder);
    await new Promise(setImmediate);
    glance.close();
    (await taking).release();
  });

  test("is released once, however often that is asked for", async () => {
    const folder = await newFolder();
    const lock = await takeLock(folder);
    lock.release();
    lock.release();
    (await takeLock(folder)).release();
  });

  test("is one for each data directory", async () => {
    const locks: Lock[] = [await takeLock(await newFolder()), await takeLock(await newFolder())];
    for (const lock of locks) lock.release();
  });

  test("is waited for, and taken when it becomes free", async () => {
    const folder = await newFolder();
    const child = await holder(folder);
    const order: string[] = [];
    const waiting = takeLock(folder, { wait: true }).then((lock) => {
      order.push("taken");
      return lock;
    });
    order.push("killing");
    await killed(child, "SIGKILL");
    (await waiting).release();
    expect(order).toEqual(["killing", "taken"]);
  });

  test("is waited for by any number of runs, of which one at a time has it", async () => {
    const folder = await newFolder();
    const first = await takeLock(folder);
    let held = 0;
    const turns = Array.from({ length: 4 }, async () => {
      const lock = await takeLock(folder, { wait: true });
      held += 1;
      expect(held).toBe(1);
      await new Promise(setImmediate);
      held -= 1;
      lock.release();
    });
    first.release();
    await Promise.all(turns);
  });

  test("is no longer waited for when the wait is interrupted", async () => {
    const folder = await newFolder();
    const lock = await takeLock((await openDataDir(path.join(folder, "data"))).root);
    const config = path.join(folder, "config.json");
    await writeJson(config, { dataDir: "data", dns: { servers: ["127.0.0.1"] } });
    const abort = new AbortController();
    const waiting = update({ config, wait: true, signal: abort.signal });
    const ended = expect(waiting).rejects.toMatchObject({ code: "INTERRUPTED" });
    abort.abort();
    await ended;
    lock.release();
  });

  test("leaves nothing but an empty file behind", async () => {
    const folder = await newFolder();
    (await takeLock(folder)).release();
    expect(await fs.readdir(folder)).toEqual(["lock"]);
    expect((await fs.stat(path.join(folder, "lock"))).size).toBe(0);
  });
});

/** Whether a process can be given a process id of our choice: in a namespace of its own the first has 1. */
const hasPidNamespaces = spawnSync("unshare", ["--map-root-user", "--pid", "--fork", "true"]).status === 0;
if (!hasPidNamespaces)
  console.warn("test/store/lock.test.ts: no process id can be used twice here (unshare)");

describe.skipIf(!hasPidNamespaces)("a process id that is used again", () => {
  const first = (script: string) => {
    const args = ["--map-root-user", "--pid", "--fork", "--kill-child", process.execPath];
    return spawn("unshare", [...args, "--input-type=module", "--eval", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
  };
  const taking = (folder: string) => `
    const { takeLock } = await import(${JSON.stringify(LOCK)});
    const came = await takeLock(${JSON.stringify(folder)}).then(() => "held", (error) => error.code);
    process.stdout.write(process.pid + " " + came);`;
  const said = async (child: ChildProcess) => String((await once(child.stdout as never, "data"))[0]);

  test("does not let a run think that it holds the lock already", async () => {
    const folder = await newFolder();
    const one = first(`${taking(folder)} setInterval(() => {}, 1_000_000);`);
    onTestFinished(() => void one.kill("SIGKILL"));
    expect(await said(one)).toBe("1 held");
    expect(await said(first(taking(folder)))).toBe("1 LOCKED");
  });

  test("does not keep the lock of a run that was killed", async () => {
    const folder = await newFolder();
    const one = first(`${taking(folder)} setInterval(() => {}, 1_000_000);`);
    expect(await said(one)).toBe("1 held");
    // Its parent going takes it along (--kill-child), which may come a moment later.
    await killed(one, "SIGKILL");
    await expect.poll(async () => await said(first(taking(folder)))).toBe("1 held");
  });
});

/** The answer of `isLocked` to an account that is neither root nor the owner. */
function askedByNobody(file: string): string {
  const script = `
    process.setgid(65534);
    process.setuid(65534);
    const { isLocked } = await import(${JSON.stringify(LOCK)});
    process.stdout.write(String(await isLocked(${JSON.stringify(file)})));`;
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
    encoding: "utf8",
  });
  return stdout;
}

describe.runIf(process.platform !== "win32")("another account", () => {
  test("may not read the lock file, with which it could hold it; one that it might is closed to it", async () => {
    const folder = await newFolder();
    const file = path.join(folder, "lock");
    const mode = async () => (await fs.stat(file)).mode & 0o777;
    (await takeLock(folder)).release();
    expect(await mode()).toBe(0o600);
    await fs.chmod(file, 0o644);
    (await takeLock(folder)).release();
    expect(await mode()).toBe(0o600);
  });

  test.runIf(process.geteuid?.() === 0)("is told neither that it is held nor that it is free", async () => {
    const folder = await newFolder();
    await fs.chmod(folder, 0o755);
    const file = path.join(folder, "lock");
    const lock = await takeLock(folder);
    expect(askedByNobody(file)).toBe("undefined");
    lock.release();
    expect(askedByNobody(file)).toBe("undefined");
    expect(await isLocked(file)).toBe(false);
    await fs.chmod(file, 0o644);
    expect(askedByNobody(file)).toBe("false");
  });
});

describe("in the place of the lock file", () => {
  test("a symbolic link is refused, and what it leads to stays as it is", async () => {
    const folder = await newFolder();
    await fs.writeFile(path.join(folder, "victim"), "precious");
    await fs.symlink("victim", path.join(folder, "lock"));
    await expect(takeLock(folder)).rejects.toMatchObject({ code: "STORAGE_UNSAFE" });
    expect(await fs.readFile(path.join(folder, "victim"), "utf8")).toBe("precious");
  });

  test("a folder is an error of the storage", async () => {
    const folder = await newFolder();
    await fs.mkdir(path.join(folder, "lock"));
    await expect(takeLock(folder)).rejects.toMatchObject({ code: "STORAGE_UNWRITABLE" });
  });

  test("garbage is an error of the storage that names the file", async () => {
    const folder = await newFolder();
    await fs.writeFile(path.join(folder, "lock"), "garbage ".repeat(200));
    await expect(takeLock(folder)).rejects.toMatchObject({
      phase: "storage",
      message: expect.stringContaining(path.join(folder, "lock")),
    });
  });

  test("nothing, in a folder that is not there, is an error of the storage", async () => {
    const folder = path.join(await newFolder(), "none");
    await expect(takeLock(folder)).rejects.toMatchObject({ phase: "storage" });
  });
});

test("a run that fails before it begins leaves the lock free", async () => {
  const folder = await newFolder();
  const config = path.join(folder, "config.json");
  await writeJson(config, { dataDir: "data", dns: { servers: ["not an address"] } });
  for (let turn = 0; turn < 2; turn++)
    await expect(update({ config })).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  (await takeLock((await openDataDir(path.join(folder, "data"))).root)).release();
});
