import { promises as fs } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { startSource } from "../support/source.ts";
import { type Agent, expectInstalled, makeAgent, runUpdate, SMALL, sharedWorld } from "../support/world.ts";

const stage = sharedWorld();

/** An agent whose installed file anybody can write. */
async function opened(source: string): Promise<{ agent: Agent; file: string }> {
  const agent = await makeAgent(stage.world, { sources: { source }, installed: 1 });
  const file = path.join(agent.dataDir, "current/components/rules/rules.dat");
  await fs.chmod(file, 0o666);
  return { agent, file };
}

test("an installed file that others could write, and wrote, is noticed by the next run and mended", async () => {
  const source = await startSource(stage.world.www(1));
  const { agent, file } = await opened(source.url);
  await fs.writeFile(file, Buffer.alloc(SMALL, "EVIL"));
  expect((await runUpdate(agent)).report).toMatchObject({ outcome: "updated", exitCode: 0 });
  await expectInstalled(agent, 1);
  expect((await fs.stat(file)).mode & 0o222).toBe(0);
  await source.close();
});

test("one that others could write, and did not, is closed to them", async () => {
  const source = await startSource(stage.world.www(1));
  const { agent, file } = await opened(source.url);
  expect((await runUpdate(agent)).report).toMatchObject({ outcome: "current", exitCode: 0 });
  expect((await fs.stat(file)).mode & 0o777).toBe(0o444);
  await source.close();
});
