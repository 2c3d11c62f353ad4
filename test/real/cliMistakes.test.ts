import { promises as fs } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectError, nearsource, on, openStage, type Stage, start } from "./commandLine.ts";

/** What an administrator meets in the first hour. */
let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

describe.concurrent("the terminal", () => {
  test("may close before all is said (| head), which is no failure", async () => {
    const agent = await stage.agentOf(2, { installed: 1 });
    for (const args of [["update"], ["status"], ["repo", "show", path.join(stage.world.folder, "www")]]) {
      const config = args[0] === "repo" ? [] : ["--config", agent.configFile];
      const run = start([...args, ...config]);
      run.process.stdout?.destroy();
      expect(await run.ended).toEqual({ code: 0, stdout: "", stderr: "" });
    }
  });
});

describe.concurrent("exit 7:", () => {
  test("a state that cannot be read, which is no bug of this program", async () => {
    const agent = await stage.agentOf(2, { installed: 1 });
    await fs.rm(path.join(agent.dataDir, "state.json"));
    await fs.mkdir(path.join(agent.dataDir, "state.json"));
    for (const command of ["status", "explain", "update"]) {
      const ended = await on(agent, command);
      expect({ command, code: ended.code }).toEqual({ command, code: 7 });
      expectError(ended, /cannot read .*state\.json/);
    }
  });
});

describe.concurrent("exit 2:", () => {
  test("a command that is none, and the one that was probably meant", async () => {
    const ended = await nearsource("updte");
    expect(ended.code).toBe(2);
    expectError(ended, /unknown command 'updte'\n\(Did you mean update\?\)/);
  });
});
