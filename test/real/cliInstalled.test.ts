import { promises as fs } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Report } from "../../src/core/report.ts";
import {
  type Agent,
  type AgentOptions,
  expectInstalled,
  expectTidy,
  makeAgent,
  objectOf,
  type Publication,
  SMALL,
} from "../support/world.ts";
import { changeConfig, expectError, json, on, openStage, type Stage } from "./commandLine.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

describe.concurrent("nearsource status", () => {
  test("tells of an agent that has done nothing yet, and leaves no trace", async () => {
    const agent = await stage.agentOf(1);
    const ended = await on(agent, "status");
    expect(ended).toMatchObject({ code: 0, stderr: "" });
    expect(ended.stdout).toContain("Nothing is installed.");
    await expect(fs.stat(agent.dataDir)).rejects.toThrow("ENOENT");
  });

  test("tells what is installed, how fresh it is and what the last run did", async () => {
    const agent = await stage.agentOf(2, { installed: 1 });
    await on(agent, "update");
    const ended = await on(agent, "status");
    expect(ended.stdout).toMatch(
      /Generation 2 is installed \(also kept: 1\):\n {2}components\/rules {2}2\.0 {2}release 2/,
    );
    expect(ended.stdout).toMatch(/content: timestamp 3, confirmed .* ago, expires in \d+ days/);
    expect(ended.stdout).toContain("good: delivered components");
    const status = json(await on(agent, "status", "--json"));
    expect(status).toMatchObject({
      generation: 2,
      generations: [2, 1],
      components: [{ name: "rules", release: 2 }],
      metadata: [{ repository: "content", version: 3, ageMs: expect.any(Number) }],
      lastRun: { report: { outcome: "updated" } },
      held: {},
    });
  });
});

describe.concurrent("nearsource verify", () => {
  const installedFile = (agent: Agent) => path.join(agent.dataDir, "current/components/rules/rules.dat");

  /** Replaces an installed file, whatever its mode. */
  async function damage(agent: Agent, bytes: string | undefined): Promise<void> {
    await fs.rm(installedFile(agent));
    if (bytes !== undefined) await fs.writeFile(installedFile(agent), bytes);
  }

  test("exits 0 while all is whole, and 8 with the name of what is not", async () => {
    const agent = await stage.agentOf(1, { installed: 1 });
    expect(await on(agent, "verify")).toMatchObject({ code: 0, stdout: "whole: 2 files, 66 kB\n" });
    await damage(agent, "altered");
    const altered = await on(agent, "verify");
    expect(altered.code).toBe(8);
    expect(altered.stdout).toContain("altered  components/rules/rules.dat");
    const document = await on(agent, "verify", "--json");
    expect(document.code).toBe(8);
    expect(json(document)).toMatchObject({
      repaired: false,
      damage: [{ path: "rules.dat", reason: "altered" }],
    });
  });

  test.for([
    ["altered", "altered"],
    ["missing", undefined],
  ] as const)(
    "--repair mends what is %s from the store or the sources, and keeps the release",
    async ([, bytes]) => {
      const agent = await stage.agentOf(1, { installed: 1 });
      await damage(agent, bytes);
      const repaired = await on(agent, "verify", "--repair");
      expect(repaired).toMatchObject({
        code: 0,
        stdout: expect.stringContaining("repaired: generation 2 is installed"),
      });
      await expectInstalled(agent, 1);
      expect(await on(agent, "verify")).toMatchObject({ code: 0 });
      await expectTidy(agent);
    },
  );

  test.for(["a link", "a folder"])("--repair mends what became %s", async (what) => {
    const agent = await stage.agentOf(1, { installed: 1 });
    await damage(agent, undefined);
    if (what === "a folder") await fs.mkdir(installedFile(agent));
    else await fs.symlink("/etc/hosts", installedFile(agent));
    expect(await on(agent, "verify")).toMatchObject({ code: 8 });
    expect(await on(agent, "verify", "--repair")).toMatchObject({ code: 0 });
    await expectInstalled(agent, 1);
  });

  test("--repair needs a source where the store is damaged too, and exits 8 without", async () => {
    const agent = await makeAgent(stage.world, { sources: { dead: "http://127.0.0.2:21119" }, installed: 1 });
    const name = objectOf(1, "rules");
    for (const file of [installedFile(agent), path.join(agent.dataDir, "store", name.slice(0, 2), name)]) {
      await fs.rm(file);
      await fs.writeFile(file, Buffer.alloc(SMALL));
    }
    const ended = await on(agent, "verify", "--repair");
    expect(ended.code).toBe(8);
    expect(ended.stderr).toContain("is damaged, and no source has it");
    await stage.turnTo(agent, 1);
    expect(await on(agent, "verify", "--repair")).toMatchObject({ code: 0 });
    await expectInstalled(agent, 1);
  });

  test("exits 2 when nothing is installed", async () => {
    const ended = await on(await stage.agentOf(1), "verify");
    expect(ended.code).toBe(2);
    expectError(ended, /nothing is installed/);
  });
});

describe.concurrent("nearsource rollback", () => {
  test("goes back, holds what it left until a newer release appears, and tells so", async () => {
    const agent = await stage.agentOf(2, { installed: 1 });
    await on(agent, "update");
    const back = await on(agent, "rollback");
    expect(back).toMatchObject({ code: 0, stdout: expect.stringContaining("back from generation 2 to 1") });
    await expectInstalled(agent, 1);
    const held = await on(agent, "update");
    expect(held).toMatchObject({ code: 0, stdout: expect.stringContaining("already current: generation 1") });
    await expectInstalled(agent, 1);
    expect((await on(agent, "status")).stdout).toContain(
      "held after a rollback: components/rules up to release 2",
    );
    await stage.turnTo(agent, 3);
    expect(await on(agent, "update")).toMatchObject({ code: 0 });
    await expectInstalled(agent, 3);
  });

  test("exits 2 when there is nowhere to go back to", async () => {
    const agent = await stage.agentOf(1, { installed: 1 });
    const none = await on(agent, "rollback");
    expect(none.code).toBe(2);
    expectError(none, /there is no earlier generation\nhint: kept are: 1/);
    const unknown = await on(agent, "rollback", "--to", "7");
    expect(unknown.code).toBe(2);
    expectError(unknown, /there is no generation 7/);
    await expectInstalled(agent, 1);
  });

  test("exits 8 and stays when the generation to go back to is damaged", async () => {
    const agent = await stage.agentOf(2, { installed: 1 });
    await on(agent, "update");
    await fs.rm(path.join(agent.dataDir, "generations/1/components/rules/rules.dat"));
    const ended = await on(agent, "rollback");
    expect(ended.code).toBe(8);
    expectError(ended, /generation 1 is damaged/);
    await expectInstalled(agent, 2);
  });
});

describe.concurrent("a hook", () => {
  /** An agent whose hook runs this script with the installed rules at hand. */
  async function withHook(publication: Publication, script: string, options: Partial<AgentOptions> = {}) {
    const agent = await stage.agentOf(publication, options);
    const file = `${agent.folder}-hook.cjs`;
    await fs.writeFile(file, script);
    await changeConfig(agent, { hooks: { afterUpdate: [process.execPath, file] } });
    return agent;
  }

  const REFUSE_2 = `
    const fs = require("node:fs");
    const current = process.env.NEARSOURCE_CURRENT;
    const { components } = JSON.parse(fs.readFileSync(current + "/manifest.json", "utf8"));
    if (components[0].release === 2) { console.error("the engine does not load it"); process.exit(9); }`;

  test("that fails brings the previous generation back: exit 8, and the release is held until a newer one", async () => {
    const agent = await withHook(2, REFUSE_2, { installed: 1 });
    const failed = await on(agent, "update");
    expect(failed.code).toBe(8);
    expect(failed.stdout).toContain("taken back:");
    expect(failed.stderr).toContain("ended with 9: the engine does not load it");
    await expectInstalled(agent, 1);
    await expectTidy(agent);
    const document = json<Report>(await on(agent, "update", "--json"));
    expect(document).toMatchObject({ outcome: "current", exitCode: 0, generation: 1, installed: [] });
    await expectInstalled(agent, 1);
    await stage.turnTo(agent, 3);
    expect(await on(agent, "update")).toMatchObject({ code: 0 });
    await expectInstalled(agent, 3);
  });

  test("that refuses the first installation leaves nothing installed", async () => {
    const agent = await withHook(2, REFUSE_2);
    const failed = await on(agent, "update", "--json");
    expect(failed.code).toBe(8);
    expect(json(failed)).toMatchObject({
      outcome: "partial",
      exitCode: 8,
      generation: 0,
      installed: [],
      failure: { code: "HOOK_FAILED" },
    });
    await expect(fs.lstat(path.join(agent.dataDir, "current"))).rejects.toThrow("ENOENT");
  });

  test("that cannot be run fails", async () => {
    const agent = await stage.agentOf(2, { installed: 1 });
    await changeConfig(agent, { hooks: { afterUpdate: ["/nowhere/hook"] } });
    const failed = await on(agent, "update");
    expect(failed.code).toBe(8);
    expect(failed.stderr).toMatch(/did not run: there is no such program.* \(ENOENT\)/);
    await expectInstalled(agent, 1);
  });

  test("runs after the switch, is told what is current, and not when nothing changed", async () => {
    const script = `
      const fs = require("node:fs");
      const { NEARSOURCE_CURRENT, NEARSOURCE_GENERATION } = process.env;
      const size = fs.statSync(NEARSOURCE_CURRENT + "/components/rules/rules.dat").size;
      fs.appendFileSync("hook.log", NEARSOURCE_GENERATION + " " + size + "\\n");`;
    const agent = await withHook(2, script, { installed: 1 });
    await on(agent, "update");
    await on(agent, "update");
    expect(await fs.readFile(path.join(agent.dataDir, "hook.log"), "utf8")).toBe(`2 ${SMALL}\n`);
  });
});
