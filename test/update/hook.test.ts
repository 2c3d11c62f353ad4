import { promises as fs } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { readConfig } from "../../src/config/config.ts";
import type { Config } from "../../src/config/configSchema.ts";
import { type Log, SILENT } from "../../src/config/log.ts";
import { runHook } from "../../src/update/hook.ts";
import { newDataDir, newFolder, writeJson } from "../support/world.ts";

/** Runs a shell's script as the hook of a run. */
async function hook(script: string, options: { signal?: AbortSignal; log?: Log } = {}) {
  const dirs = await newDataDir();
  const config = { hooks: { afterUpdate: ["/bin/sh", "-c", script] } } as Config;
  const failure = await runHook({ config, dirs, log: SILENT, signal: undefined, ...options }, 7);
  return { failure, dirs };
}

/** Whether a process is there and does something yet. */
async function isAlive(pid: number): Promise<boolean> {
  const status = await fs.readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return status !== "" && !/^State:\s+Z/m.test(status);
}

describe.skipIf(process.platform === "win32")("a hook", () => {
  test("is told of the generation, and runs in the data directory", async () => {
    const { failure, dirs } = await hook('echo "$NEARSOURCE_GENERATION $NEARSOURCE_CURRENT" > told');
    expect(failure).toBeUndefined();
    expect(await fs.readFile(path.join(dirs.root, "told"), "utf8")).toBe(`7 ${dirs.root}/current\n`);
  });

  test.for([
    ["exit 3", "ended with 3"],
    ["echo no engine >&2; exit 1", "ended with 1: no engine"],
    ["kill -9 $$", "was ended by SIGKILL"],
  ])("that does %j fails the update, and it is said how", async ([script = "", how]) => {
    const { failure } = await hook(script);
    expect(failure).toMatchObject({ code: "HOOK_FAILED", message: `the hook /bin/sh ${how}` });
  });

  test("that is not there fails the update", async () => {
    const config = { hooks: { afterUpdate: ["/nowhere/hook"] } } as Config;
    const failure = await runHook({ config, dirs: await newDataDir(), log: SILENT, signal: undefined }, 7);
    expect(failure).toMatchObject({
      code: "HOOK_FAILED",
      message: expect.stringMatching(
        /^the hook .nowhere.hook did not run: there is no such program.* \(ENOENT\)$/,
      ),
    });
  });

  test.for([
    ["many lines", "yes line | head -c 8000000; yes line | head -c 8000000 >&2"],
    ["one line", "head -c 8000000 /dev/zero; head -c 8000000 /dev/zero >&2"],
  ])("may say megabytes, in %s: what is too much is dropped", async ([, script = ""]) => {
    const lines: string[] = [];
    const { failure } = await hook(script, { log: { ...SILENT, debug: (line) => lines.push(line) } });
    expect(failure).toBeUndefined();
    expect(lines.length).toBeLessThan(2_000);
    expect(lines.join("").length).toBeLessThan(7_000_000);
  });

  test("has what it said last in its failure, however much it said before", async () => {
    const { failure } = await hook("yes line | head -c 3000000 >&2; echo the end >&2; exit 1");
    expect(failure?.message).toBe("the hook /bin/sh ended with 1: the end");
  });

  test("drives no terminal: control characters of what it says are escaped", async () => {
    const lines: string[] = [];
    const log = { ...SILENT, debug: (line: string) => lines.push(line) };
    const { failure } = await hook("printf '\\033]0;title\\007\\n'; printf '\\033[2Jno\\n' >&2; exit 1", {
      log,
    });
    expect(lines.sort()).toEqual(["hook: \\u001b[2Jno", "hook: \\u001b]0;title\\u0007"]);
    expect(failure?.message).toContain("\\u001b[2Jno");
  });

  test("succeeds at its exit, whoever it leaves behind with its output", async () => {
    const { failure, dirs } = await hook("sleep 300 & echo $! > left; exit 0");
    expect(failure).toBeUndefined();
    const left = Number(await fs.readFile(path.join(dirs.root, "left"), "utf8"));
    // A process that it left may live on: an engine that it has just started, perhaps.
    expect(await isAlive(left)).toBe(true);
    process.kill(left, "SIGKILL");
  });

  test("hears of an interruption, and so does all that it began", async () => {
    const dirs = await newDataDir();
    const script = "trap 'echo told > heard; exit 1' TERM; sleep 300 & echo $! > child; wait";
    const config = { hooks: { afterUpdate: ["/bin/sh", "-c", script] } } as Config;
    const interruption = new AbortController();
    const ended = runHook({ config, dirs, log: SILENT, signal: interruption.signal }, 7);
    const read = (name: string) => fs.readFile(path.join(dirs.root, name), "utf8").catch(() => "");
    await expect.poll(() => read("child"), { timeout: 50_000, interval: 20 }).toMatch(/\d\n/);
    interruption.abort();
    expect(await ended).toMatchObject({ code: "INTERRUPTED" });
    expect(await read("heard")).toBe("told\n");
    // Its signal is on its way when the hook has ended.
    const child = Number(await read("child"));
    await expect.poll(() => isAlive(child), { timeout: 50_000, interval: 20 }).toBe(false);
  });

  test("that does not hear of it is ended with all that it began", async () => {
    const dirs = await newDataDir();
    const script = "trap '' TERM; sleep 300 & echo $! > child; while :; do wait; done";
    const config = { hooks: { afterUpdate: ["/bin/sh", "-c", script] } } as Config;
    const interruption = new AbortController();
    const ended = runHook({ config, dirs, log: SILENT, signal: interruption.signal }, 7);
    const read = () => fs.readFile(path.join(dirs.root, "child"), "utf8").catch(() => "");
    await expect.poll(read, { timeout: 50_000, interval: 20 }).toMatch(/\d\n/);
    interruption.abort();
    expect(await ended).toMatchObject({ code: "INTERRUPTED" });
    const child = Number(await read());
    await expect.poll(() => isAlive(child), { timeout: 50_000, interval: 20 }).toBe(false);
  });

  test.for([
    ["./hook", "beside it"],
    ["bin/hook", "below it"],
  ])("%s in a configuration is the one %s, wherever the run was started", async ([program = ""]) => {
    const folder = await newFolder();
    const config = path.join(folder, "config.json");
    await writeJson(config, { dataDir: "data", hooks: { afterUpdate: program } });
    const { hooks } = await readConfig(config, {});
    expect(hooks.afterUpdate).toEqual([path.join(folder, program)]);
  });

  test("without a folder in its name is looked for in PATH", async () => {
    const config = path.join(await newFolder(), "config.json");
    await writeJson(config, { dataDir: "data", hooks: { afterUpdate: ["systemctl", "./reload"] } });
    expect((await readConfig(config, {})).hooks.afterUpdate).toEqual(["systemctl", "./reload"]);
  });
});
