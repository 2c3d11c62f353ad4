import { existsSync, promises as fs } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { forgetRuns, settle, startResident } from "../support/resident.ts";
import { type Agent, expectInstalled } from "../support/world.ts";
import { json, on, openStage, type Stage, start } from "./commandLine.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

/** An agent that has the first publication, and is to get the second, with a script as its hook. */
async function agentWith(script: string): Promise<Agent> {
  const agent = await stage.agentOf(2, { installed: 1, config: { hooks: { afterUpdate: "./hook" } } });
  await fs.writeFile(path.join(agent.folder, "hook"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return agent;
}

const read = (agent: Agent, name: string) =>
  fs.readFile(path.join(agent.dataDir, name), "utf8").catch(() => "");

describe.skipIf(process.platform === "win32")("an update with a hook", () => {
  test("is over when the hook is, whoever that leaves behind", async () => {
    const agent = await agentWith("sleep 300 & echo $! > left");
    const ended = await on(agent, "update", "--json");
    expect(json(ended)).toMatchObject({ outcome: "updated", exitCode: 0 });
    // Nobody holds the lock.
    expect((await on(agent, "update")).code).toBe(0);
    process.kill(Number(await read(agent, "left")), "SIGKILL");
  });

  test("is kept, though its hook says megabytes", async () => {
    const agent = await agentWith("yes line | head -c 5000000; yes line | head -c 5000000 >&2");
    expect((await on(agent, "update")).code).toBe(0);
    await expectInstalled(agent, 2);
  });

  test.for(["SIGTERM", "SIGINT"] as const)(
    "passes %s on to it, exits 130, and the next run calls it again",
    async (signal) => {
      const agent = await agentWith('echo "$NEARSOURCE_GENERATION" >> told; test -e again || exec sleep 300');
      const running = start(["update", "--config", agent.configFile]);
      await expect.poll(() => read(agent, "told"), { timeout: 50_000, interval: 20 }).toBe("2\n");
      running.process.kill(signal);
      const { code, stderr } = await running.ended;
      expect(code).toBe(130);
      expect(stderr).toMatch(
        /^nearsource: interrupted while the hook .* ran; generation 2 is installed\nhint: /,
      );
      await expectInstalled(agent, 2);
      await fs.writeFile(path.join(agent.dataDir, "again"), "");
      expect((await on(agent, "update")).code).toBe(0);
      expect(await read(agent, "told")).toBe("2\n2\n");
    },
  );

  test("is stopped with the agent that runs it, within its 5 seconds", async () => {
    const agent = await agentWith("echo $$ > told; trap '' TERM; sleep 300 & wait; wait");
    await settle(agent);
    await forgetRuns(agent);
    const resident = startResident(agent);
    await expect.poll(() => read(agent, "told"), { timeout: 50_000, interval: 20 }).toMatch(/\d\n/);
    expect((await resident.stop()).code).toBe(0);
    const hook = Number(await read(agent, "told"));
    await expect.poll(() => existsSync(`/proc/${hook}/exe`), { timeout: 50_000, interval: 20 }).toBe(false);
    await expectInstalled(agent, 2);
  });

  test("passes an interruption of a rollback on to it, and what was installed is back", async () => {
    const agent = await agentWith('test "$NEARSOURCE_GENERATION" = 2 || { echo x > told; exec sleep 300; }');
    expect((await on(agent, "update")).code).toBe(0);
    const running = start(["rollback", "--config", agent.configFile]);
    await expect.poll(() => read(agent, "told"), { timeout: 50_000, interval: 20 }).toBe("x\n");
    running.process.kill("SIGTERM");
    const { code, stderr } = await running.ended;
    expect({ code, stderr }).toEqual({
      code: 130,
      stderr: expect.stringMatching(/^nearsource: interrupted/),
    });
    await expectInstalled(agent, 2);
  });
});
