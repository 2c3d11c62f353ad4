import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { takeLock } from "../../src/store/lock.ts";
import { COMPILED, PROGRAM } from "../support/program.ts";
import { type Agent, payload } from "../support/world.ts";
import { type Ended, json, on, openStage, type Stage } from "./commandLine.ts";

/** An account that is neither root nor in any group of files here. */
const OTHER = 65_534;

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
  await fs.chmod(stage.world.folder, 0o755);
});
afterAll(() => stage.close());

/** An endpoint that any account may look at, but for what the program itself keeps to itself. */
async function openAgent(): Promise<Agent> {
  const agent = await stage.agentOf(2);
  await fs.chmod(agent.folder, 0o755);
  return agent;
}

/** Runs a command as another account. */
async function asOther(agent: Agent, ...args: string[]): Promise<Ended> {
  const line = [PROGRAM, ...args, "--config", agent.configFile];
  const child = spawn(process.execPath, line, {
    uid: OTHER,
    gid: OTHER,
    env: { NO_COLOR: "1", ...COMPILED },
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (piece: string) => {
    stdout += piece;
  });
  child.stderr.setEncoding("utf8").on("data", (piece: string) => {
    stderr += piece;
  });
  const [code] = await once(child, "close");
  return { code, stdout, stderr };
}

describe.runIf(process.geteuid?.() === 0)("another account", () => {
  test.for(["022", "027", "077"])("reads what was installed under umask %s", async (umask) => {
    const agent = await openAgent();
    const line = `umask ${umask}; exec "${process.execPath}" "${PROGRAM}" update --config "${agent.configFile}"`;
    await promisify(execFile)("/bin/sh", ["-c", line]);
    const installed = path.join(agent.dataDir, "current", "components", "rules");
    for (const [name, bytes] of Object.entries(payload(2, "rules"))) {
      const read = await promisify(execFile)("cat", [path.join(installed, name)], {
        uid: OTHER,
        gid: OTHER,
        encoding: "buffer",
      });
      expect(read.stdout.equals(bytes)).toBe(true);
    }
    await expect(
      promisify(execFile)("cat", [path.join(agent.dataDir, "state.json")], { uid: OTHER, gid: OTHER }),
    ).rejects.toThrow("Permission denied");
  });

  test("is shown the status without what is private, and told so", async () => {
    const agent = await openAgent();
    await on(agent, "update");
    const shown = await asOther(agent, "status");
    expect(shown).toMatchObject({ code: 0, stderr: "" });
    expect(shown.stdout).toContain("Generation 1 is installed");
    expect(shown.stdout).toContain("content: timestamp 3, expires in");
    expect(shown.stdout).not.toContain("No run has ended yet");
    expect(shown.stdout).toMatch(/^Left out, since this account may not read it in .*: state\.json/m);
    const told = json<Record<string, unknown>>(await asOther(agent, "status", "--json"));
    expect(told).toMatchObject({ agentId: null, role: null, generation: 1, lastRun: null });
    expect(told.hidden).toHaveLength(1);
    expect(json(await on(agent, "status", "--json"))).toMatchObject({ role: "agent", hidden: [] });
  });

  test("is told that it cannot be told whether the agent is running", async () => {
    const agent = await openAgent();
    await on(agent, "update");
    const own = path.join(agent.dataDir, "agent");
    await fs.mkdir(own);
    const lock = await takeLock(own, { role: "agent" });
    const state = {
      pid: process.pid,
      since: new Date().toISOString(),
      port: null,
      next: null,
      running: null,
    };
    await fs.writeFile(path.join(own, "state.json"), JSON.stringify({ ...state, runs: [] }));
    expect((await asOther(agent, "status")).stdout).toContain("Whether the agent is running, only root");
    expect(json(await asOther(agent, "status", "--json"))).toMatchObject({ agent: { resident: null } });
    lock.release();
    expect(json(await on(agent, "status", "--json"))).toMatchObject({ agent: { resident: false } });
  });

  test("may ask for the order; a data directory that is closed to it leaves out the rest", async () => {
    const agent = await openAgent();
    await on(agent, "update");
    await fs.chmod(agent.dataDir, 0o700);
    const explained = await asOther(agent, "explain");
    expect(explained).toMatchObject({ code: 0, stderr: "" });
    expect(explained.stdout).toContain("1. entries[0]  good");
    expect(explained.stdout).toContain("Not known to this account: whether the role of an Update Agent");
    const shown = await asOther(agent, "status");
    expect(shown).toMatchObject({ code: 0, stderr: "" });
    expect(shown.stdout).toContain("version 1, from a local file");
    expect(shown.stdout).not.toContain("Nothing is installed");
    expect(shown.stdout).not.toContain("No agent stays resident");
    expect(shown.stdout).toContain("what is installed");
  });

  test("is not told of refusals that are another account's to mend", async () => {
    const agent = await openAgent();
    await on(agent, "update");
    await fs.chown(agent.configFile, OTHER - 1, OTHER - 1);
    for (const command of ["status", "explain"]) {
      expect(await asOther(agent, command), command).toMatchObject({ code: 0, stderr: "" });
    }
  });

  test("is refused by what would act", async () => {
    const agent = await openAgent();
    await on(agent, "update");
    for (const command of ["update", "rollback"]) {
      const ended = await asOther(agent, command);
      expect(ended, command).toMatchObject({ code: 7, stdout: "" });
      expect(ended.stderr, command).toMatch(/permission denied \(EACCES\)/);
    }
  });
});
