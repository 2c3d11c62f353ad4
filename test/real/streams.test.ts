import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, promises as fs, openSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PROGRAM } from "../support/program.ts";
import { settle } from "../support/resident.ts";
import { type Agent, expectInstalled } from "../support/world.ts";
import { changeConfig, type Ended, nearsource, on, openStage, type Stage, start } from "./commandLine.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

/** A disk that is full. */
const FULL = "/dev/full";
const hasFull = existsSync(FULL);

/** Runs a command whose stdout, stderr or both are on a full disk. */
async function onFull(streams: ("stdout" | "stderr")[], ...args: string[]): Promise<Ended> {
  const full = openSync(FULL, "w");
  try {
    return await start(args, {}, Object.fromEntries(streams.map((each) => [each, full]))).ended;
  } finally {
    closeSync(full);
  }
}

const warnings = ({ stderr }: Ended) => stderr.split("\n").filter((line) => line !== "");

/** The lines of a JSON log. */
async function linesOf(file: string): Promise<{ level: string; message: string }[]> {
  const text = await fs.readFile(file, "utf8").catch(() => "");
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

describe.skipIf(!hasFull)("a stdout that cannot be written", () => {
  test.for([["update"], ["update", "--json"], ["explain", "--json"], ["status"], ["verify"]])(
    "is one warning, and %s ends with its own exit code",
    async (args) => {
      const agent = await stage.agentOf(2, { installed: 1 });
      const ended = await onFull(["stdout"], ...args, "--config", agent.configFile);
      expect(warnings(ended)).toEqual([expect.stringMatching(/^nearsource: warning: stdout .*ENOSPC/)]);
      expect(ended.code).toBe(0);
      await expectInstalled(agent, args[0] === "update" ? 2 : 1);
    },
  );

  test("leaves an update that has no source with exit code 4, and one that cannot begin with 6", async () => {
    const agent = await stage.agentOf(1, { sources: { gone: "http://127.0.0.1:9" } });
    expect((await onFull(["stdout"], "update", "--config", agent.configFile)).code).toBe(4);
    await changeConfig(agent, { nonsense: true });
    expect((await onFull(["stdout"], "update", "--config", agent.configFile)).code).toBe(6);
  });

  test("changes nothing about what repo commands do, the version and the help", async () => {
    const dir = path.join(stage.world.folder, `full-${Math.random()}`);
    const made = await onFull(["stdout"], "repo", "init", dir, "--content");
    expect(made.code).toBe(0);
    expect(warnings(made).filter((line) => line.includes("ENOSPC"))).toHaveLength(1);
    expect((await nearsource("repo", "show", dir)).code).toBe(0);
    for (const args of [["--version"], ["--help"], ["repo", "show", dir, "--json"]]) {
      expect((await onFull(["stdout"], ...args)).code, args.join(" ")).toBe(0);
    }
  });

  test("is in the log too", async () => {
    const agent = await stage.agentOf(1, { config: { log: { file: "n.log", level: "info" } } });
    await onFull(["stdout"], "update", "--config", agent.configFile);
    const lines = await linesOf(path.join(agent.folder, "n.log"));
    expect(lines.filter(({ message }) => /stdout cannot be written.*ENOSPC/.test(message))).toHaveLength(1);
    expect(lines.at(-1)?.message).toBe("ended: updated");
  });
});

describe.skipIf(!hasFull)("a stderr that cannot be written", () => {
  test.for([["update", "--verbose"], ["nonsense"]])("leaves %j its exit code", async (args) => {
    const agent = await stage.agentOf(1);
    const own = args[0] === "update" ? [...args, "--config", agent.configFile] : args;
    const sound = await start(own).ended;
    expect((await onFull(["stderr"], ...own)).code).toBe(sound.code);
    expect((await onFull(["stdout", "stderr"], ...own)).code).toBe(sound.code);
  });

  test("does not end the agent, nor its runs; the log says so once", async () => {
    const agent = await stage.agentOf(1, { config: { log: { file: "n.log", level: "info" } } });
    await settle(agent, { log: { file: "n.log", level: "info" } });
    const full = openSync(FULL, "w");
    const resident = start(["agent", "--config", agent.configFile], {}, { stdout: full, stderr: full });
    const log = path.join(agent.folder, "n.log");
    const said = async () => (await linesOf(log)).map(({ message }) => message);
    await expect.poll(said, { timeout: 50_000, interval: 100 }).toContain("ended: updated");
    resident.process.kill("SIGTERM");
    expect((await resident.ended).code).toBe(0);
    closeSync(full);
    const messages = await said();
    expect(messages).toContain("the agent has ended");
    // One of the agent, and one of its run.
    expect(messages.filter((message) => message.startsWith("stderr cannot be written"))).toHaveLength(2);
  });
});

test.skipIf(process.platform === "win32")(
  "what a hook says drives no terminal, at --verbose either",
  async () => {
    const hook = ["/bin/sh", "-c", "printf '\\033]0;title\\007\\n'"];
    const agent = await stage.agentOf(1, { config: { hooks: { afterUpdate: hook } } });
    const { code, stderr } = await on(agent, "update", "--verbose");
    expect(code).toBe(0);
    expect(stderr).toContain("debug: hook: \\u001b]0;title\\u0007\n");
  },
);

describe("a reader that has gone", () => {
  test("is none of the work's business", async () => {
    const agent = await stage.agentOf(1);
    const running = start(["update", "--config", agent.configFile]);
    running.process.stdout?.destroy();
    running.process.stderr?.destroy();
    expect((await running.ended).code).toBe(0);
    await expectInstalled(agent, 1);
  });
});

const hasScript = existsSync("/usr/bin/script");

describe.skipIf(!hasScript)("a terminal that is closed", () => {
  test.for(["update", "update --verbose"])("ends no %s", async (command) => {
    const agent = await stage.agentOf(1, { config: { hooks: { afterUpdate: ["./hook"] } } });
    // The hook closes the terminal of its run, and waits until it is gone.
    const gone = path.join(agent.folder, "gone");
    await fs.writeFile(
      path.join(agent.folder, "hook"),
      `#!/bin/sh\nkill -9 $(cat ${agent.folder}/terminal)\nwhile ! [ -e ${gone} ]; do sleep 0.05; done\n`,
      { mode: 0o755 },
    );
    const run = [process.execPath, PROGRAM, ...command.split(" ")];
    const line = `${run.join(" ")} --config ${agent.configFile}; echo $? > ${agent.folder}/code`;
    const child = spawn("/usr/bin/script", ["-qc", `trap '' HUP; ${line}`, "/dev/null"], { stdio: "pipe" });
    await fs.writeFile(path.join(agent.folder, "terminal"), String(child.pid));
    await once(child, "exit");
    await fs.writeFile(gone, "");
    const code = () => fs.readFile(path.join(agent.folder, "code"), "utf8").catch(() => "");
    await expect.poll(code, { timeout: 50_000, interval: 50 }).toBe("0\n");
    await expectInstalled(agent, 1);
  });
});

/** Places at which no log can be. */
const NOWHERE: [string, (agent: Agent) => Promise<string>][] = [
  ["on a full disk", async () => FULL],
  ["where nothing can be made", async () => "/proc/x/n.log"],
  ["where a folder stands", async (agent) => agent.folder],
  ["below a file", async (agent) => path.join(agent.configFile, "n.log")],
  ["in a pipe that nobody reads", async (agent) => await pipeIn(agent)],
];

async function pipeIn({ folder }: Agent): Promise<string> {
  const pipe = path.join(folder, "pipe");
  await once(spawn("mkfifo", [pipe]), "exit");
  return pipe;
}

describe.skipIf(!hasFull)("a log that cannot be written", () => {
  test.for(NOWHERE)("%s is one warning, and the update goes on", async ([, place]) => {
    const agent = await stage.agentOf(1);
    const file = await place(agent);
    await changeConfig(agent, { log: { file, level: "debug" } });
    const ended = await on(agent, "update");
    expect(warnings(ended)).toEqual([expect.stringContaining(`warning: the log ${file} cannot be written`)]);
    expect(ended.code).toBe(0);
    await expectInstalled(agent, 1);
  });

  test("leaves a failed update its exit code", async () => {
    const agent = await stage.agentOf(1, { sources: { gone: "http://127.0.0.1:9" } });
    await changeConfig(agent, { log: { file: "/proc/x/n.log" } });
    expect((await on(agent, "update")).code).toBe(4);
  });

  test("does not end the agent, which says so once", async () => {
    const agent = await stage.agentOf(1);
    await settle(agent, { log: { file: FULL } });
    const resident = start(["agent", "--config", agent.configFile]);
    const installed = () => existsSync(path.join(agent.dataDir, "current"));
    await expect.poll(installed, { timeout: 50_000, interval: 50 }).toBe(true);
    resident.process.kill("SIGTERM");
    const { code, stderr } = await resident.ended;
    expect(code).toBe(0);
    expect(stderr.match(/^warn: the log .*ENOSPC/gm)).toHaveLength(1);
  });
});
