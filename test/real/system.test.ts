import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, promises as fs } from "node:fs";
import path from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PROGRAM } from "../support/program.ts";
import { expectInstalled } from "../support/world.ts";
import { changeConfig, openStage, type Stage, start } from "./commandLine.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

const COMMANDS = ["update", "explain", "status", "verify"];

/** Runs any program to its end, while this process serves it. */
async function run(program: string, ...args: string[]): Promise<{ code: number; stderr: string }> {
  const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);
  return { code, stderr };
}

/** The program with some of what the system tells refused, in each of its processes. */
function without(...calls: string[]): Record<string, string> {
  const refusals = calls.map((call) => `os.${call} = () => { throw new Error("refused"); };`).join(" ");
  const home =
    "os.homedir = () => { if (process.env.HOME) return process.env.HOME; throw new Error('refused'); };";
  const module = `import os from "node:os"; ${refusals} ${home}`;
  return { HOME: "", NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(module)}` };
}

describe("a system that refuses to say", () => {
  test("its interfaces, its name, its accounts and processors ends no command", async () => {
    const agent = await stage.agentOf(1);
    const env = without(
      "networkInterfaces",
      "hostname",
      "userInfo",
      "homedir",
      "cpus",
      "availableParallelism",
    );
    for (const command of COMMANDS) {
      const { code, stderr } = await start([command, "--config", agent.configFile], env).ended;
      expect({ command, code, stderr }).toEqual({ command, code: 0, stderr: "" });
    }
    await expectInstalled(agent, 1);
  });

  test.skipIf(process.platform !== "linux")("its interfaces has its addresses found elsewhere", async () => {
    const agent = await stage.agentOf(1);
    await changeConfig(agent, { addresses: undefined });
    const addresses = async (env: Record<string, string>) => {
      const { stdout } = await start(["explain", "--json", "--config", agent.configFile], env).ended;
      return JSON.parse(stdout).addresses.sort();
    };
    const listed = await addresses({});
    expect(await addresses(without("networkInterfaces"))).toEqual(listed);
  });

  test.skipIf(!existsSync("/usr/bin/strace"))(
    "its interfaces, by the kernel itself, ends no command",
    async () => {
      const agent = await stage.agentOf(1, { installed: 1 });
      await changeConfig(agent, { addresses: undefined });
      for (const command of ["explain", "status"]) {
        const call = ["-f", "-qq", "-o", "/dev/null", "-e", "inject=socket:error=EAFNOSUPPORT"];
        const line = [process.execPath, PROGRAM, command, "--config", agent.configFile];
        const { status, stdout, stderr } = spawnSync("strace", [...call, ...line], { encoding: "utf8" });
        if (/ptrace|Operation not permitted/.test(stderr)) return;
        expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
        expect(stdout).not.toContain("has no address");
      }
    },
  );
});

test.for([
  ["an error that is thrown", 'throw new Error("boom")'],
  ["a promise that is rejected", 'Promise.reject(new Error("boom"))'],
])("%s where nobody catches it ends a run as any failure, with --json as JSON", async ([, failure]) => {
  const module = `setTimeout(() => { ${failure} }, 50); setTimeout(() => {}, 60_000);`;
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(module)}` };
  const { code, stdout, stderr } = await start(["status", "--json", "--config", "/nowhere"], env).ended;
  expect(stderr).toMatch(/^nearsource: /);
  expect(JSON.parse(stdout.slice(stdout.lastIndexOf("\n{") + 1))).toMatchObject({
    error: { code: "UNEXPECTED", message: "unexpected failure: boom" },
  });
  expect(code).toBe(1);
});

/** Whether another account can run this program at all. */
const NOBODY = ["--reuid", "12345", "--regid", "12345", "--clear-groups", "env", "-i", process.execPath];
const canBeNobody =
  process.getuid?.() === 0 &&
  spawnSync("setpriv", [...NOBODY, "-e", `fs.readFileSync(${JSON.stringify(PROGRAM)})`]).status === 0;

test.skipIf(!canBeNobody)(
  "an account without a name, a home or an environment runs every command",
  async () => {
    const agent = await stage.agentOf(1);
    await fs.chmod(stage.world.folder, 0o755);
    const own = [
      agent.folder,
      agent.configFile,
      ...["list.json", "root.json"].map((name) => path.join(agent.folder, name)),
    ];
    for (const place of own) await fs.chown(place, 12345, 12345);
    const hook = path.join(agent.folder, "hook");
    await fs.writeFile(hook, "#!/bin/sh\nexit 0\n", { mode: 0o755 });
    await fs.chown(hook, 12345, 12345);
    const anyPort = { host: "127.0.0.1", port: 0 };
    const ports = { listen: anyPort, metrics: anyPort };
    await changeConfig(agent, { hooks: { afterUpdate: "./hook" }, log: { file: "n.log" }, ...ports });
    for (const command of [...COMMANDS, "agent --check"]) {
      const line = [...NOBODY, PROGRAM, ...command.split(" "), "--config", agent.configFile];
      const { code, stderr } = await run("setpriv", ...line);
      expect({ command, code, stderr }).toEqual({ command, code: 0, stderr: "" });
    }
    await expectInstalled(agent, 1);
  },
);

describe.skipIf(process.platform === "win32")("started in a folder that is gone,", () => {
  const within = (folder: string, ...args: string[]) => {
    const gone = path.join(folder, "gone");
    const script = `mkdir ${gone} && cd ${gone} && rmdir ${gone} && exec "$@"`;
    return run("/bin/sh", "-c", script, "sh", process.execPath, PROGRAM, ...args);
  };

  test("a command that is told where all is does its work", async () => {
    const agent = await stage.agentOf(1);
    for (const command of COMMANDS) {
      const { code, stderr } = await within(agent.folder, command, "--config", agent.configFile);
      expect({ command, code, stderr }).toEqual({ command, code: 0, stderr: "" });
    }
  });

  test("a command that is told a place relative to it says what is wrong", async () => {
    const agent = await stage.agentOf(1);
    const { code, stderr } = await within(agent.folder, "status", "--config", "config.json");
    expect(code).toBe(2);
    expect(stderr).toBe(
      "nearsource: the folder that this was started in is gone\nhint: start it in one that is there\n",
    );
  });
});
