import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dataDirAt } from "../../src/store/dataDir.ts";
import { readState } from "../../src/store/state/state.ts";
import { bundle } from "../support/program.ts";
import { startSource, type TestSource } from "../support/source.ts";
import { expectInstalled, makeAgent, makeWorld, runUpdate, type World } from "../support/world.ts";
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

async function updatedAgent(config: Record<string, unknown> = {}) {
  const agent = await makeAgent(world, { sources: { only: source.url }, installed: 1, config });
  await runUpdate(agent);
  await expectInstalled(agent, 2);
  return agent;
}

describe.skipIf(process.platform === "win32")("a rollback", () => {
  test("that was killed just after its switch is not undone by the next update", async () => {
    const agent = await updatedAgent();
    const calls = await traceOf(child, await copyAgent(agent, `${agent.folder}-traced`), "rollback");
    const switched = calls.findIndex((call) => call.op === "rename" && call.to.endsWith("/current"));
    const job = { action: "rollback" as const, configFile: agent.configFile, killAt: switched + 2 };
    expect((await runChild(child, job)).killed).toBe(true);
    await expectInstalled(agent, 1);
    const { lines } = await runUpdate(agent);
    expect(lines.map(({ message }) => message)).toContainEqual(
      expect.stringContaining("held after a rollback"),
    );
    await expectInstalled(agent, 1);
  });

  test("that the hook refuses holds nothing", async () => {
    const agent = await updatedAgent({
      hooks: { afterUpdate: ["/bin/sh", "-c", 'test "$NEARSOURCE_GENERATION" != 1'] },
    });
    const { output } = await runChild(child, { action: "rollback", configFile: agent.configFile });
    expect(output).toMatch(/^install HOOK_FAILED/);
    await expectInstalled(agent, 2);
    expect(await readState(dataDirAt(agent.dataDir))).toMatchObject({ failed: {}, announced: 2 });
  });
});
