import { promises as fs } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundle } from "../support/program.ts";
import { startSource, type TestSource } from "../support/source.ts";
import {
  type Agent,
  expectInstalled,
  makeAgent,
  makeWorld,
  runUpdate,
  type World,
} from "../support/world.ts";
import { CHILD, copyAgent, inMemory, runChild, traceOf } from "./harness.ts";

let world: World;
let source: TestSource;
let child: string;

beforeAll(async () => {
  world = await makeWorld({ within: inMemory() });
  source = await startSource(world.www(2));
  child = await bundle(CHILD);
});

afterAll(async () => {
  await source.close();
  await world.remove();
});

/** An agent whose upgrade was killed just after its switch, before the hook had run. */
async function killedBeforeHook(hook: string): Promise<Agent> {
  const agent = await makeAgent(world, {
    sources: { only: source.url },
    installed: 1,
    config: { hooks: { afterUpdate: ["/bin/sh", "-c", hook] } },
  });
  const calls = await traceOf(child, await copyAgent(agent, `${agent.folder}-traced`), "update");
  const switched = calls.findIndex((call) => call.op === "rename" && call.to.endsWith("/current"));
  const job = { action: "update" as const, configFile: agent.configFile, killAt: switched + 2 };
  expect((await runChild(child, job)).killed).toBe(true);
  await expectInstalled(agent, 2);
  return agent;
}

const told = async (agent: Agent) =>
  await fs.readFile(path.join(agent.dataDir, "told"), "utf8").catch(() => "");

describe.skipIf(process.platform === "win32")("a run killed between its switch and its hook", () => {
  test("has the next run call the hook, once", async () => {
    const agent = await killedBeforeHook('echo "$NEARSOURCE_GENERATION" >> told');
    expect(await told(agent)).toBe("");
    expect((await runUpdate(agent)).report).toMatchObject({ outcome: "current", exitCode: 0, generation: 2 });
    expect(await told(agent)).toBe("2\n");
    await runUpdate(agent);
    expect(await told(agent)).toBe("2\n");
  });

  test("has the next run go back to the set before, where the hook refuses the new one", async () => {
    const agent = await killedBeforeHook('test "$NEARSOURCE_GENERATION" != 2');
    const { report } = await runUpdate(agent);
    expect(report).toMatchObject({ exitCode: 8, generation: 1, failure: { code: "HOOK_FAILED" } });
    await expectInstalled(agent, 1);
    expect((await runUpdate(agent)).report).toMatchObject({ outcome: "current", exitCode: 0, generation: 1 });
    await expectInstalled(agent, 1);
  });
});
