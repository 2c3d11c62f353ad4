import { spawn } from "node:child_process";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { beforeAll, expect, test } from "vitest";
import { COMPILED } from "../support/program.ts";
import { settle, startResident } from "../support/resident.ts";
import { startSource } from "../support/source.ts";
import {
  type Agent,
  type ComponentName,
  expectInstalled,
  makeAgent,
  makeWorld,
  type World,
} from "../support/world.ts";
import { start } from "./commandLine.ts";
import { FLAGS_PRELOAD, flagsIn } from "./engineFlags.ts";

/** To the process itself, and to code in a context of its own. */
const NOT_EXPOSED = ["undefined", "undefined"];
const COLLECTED = ["--expose-gc", "--no-expose-gc"];
const COMPONENTS: ComponentName[] = ["pattern"];

let world: World;
/** A source of more than is received before buffers are collected. */
let url: string;
beforeAll(async () => {
  world = await makeWorld({ large: true });
  const source = await startSource(world.www(2));
  url = source.url;
  return async () => {
    await source.close();
    await world.remove();
  };
});

/** An agent that has nothing yet, and a folder for what its processes say of the engine's flags. */
async function stage(): Promise<{ agent: Agent; env: Record<string, string>; folder: string }> {
  const agent = await makeAgent(world, { sources: { good: url }, components: COMPONENTS });
  const folder = await fs.mkdtemp(path.join(world.folder, "flags-"));
  return { agent, folder, env: { NODE_OPTIONS: `--import "${FLAGS_PRELOAD}"`, FLAGS_FOLDER: folder } };
}

test("whoever imports the library and runs it has the engine's flags, and no collector, as before", async () => {
  const { agent, env, folder } = await stage();
  const library = pathToFileURL(path.resolve("src/update/update.ts")).href;
  const script = `
    const { update } = await import(${JSON.stringify(library)});
    const { outcome } = await update({ config: ${JSON.stringify(agent.configFile)} });
    if (outcome !== "updated") process.exit(1);`;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    env: { PATH: process.env.PATH ?? "", ...COMPILED, ...env },
    stdio: ["ignore", "ignore", "inherit"],
  });
  expect(await once(child, "close")).toEqual([0, null]);
  await expectInstalled(agent, 2, COMPONENTS);
  expect([...(await flagsIn(folder)).values()]).toEqual([{ flags: [], exposed: NOT_EXPOSED }]);
});

test("a run of the program collects spent buffers, and takes the flag for that back at once", async () => {
  const { agent, env, folder } = await stage();
  const { code, stderr } = await start(["update", "--config", agent.configFile], env).ended;
  expect(code, stderr).toBe(0);
  expect([...(await flagsIn(folder)).values()]).toEqual([{ flags: COLLECTED, exposed: NOT_EXPOSED }]);
});

test("so does a run of the resident agent, which itself leaves them as they are", async () => {
  const { agent, env, folder } = await stage();
  await settle(agent);
  const resident = startResident(agent, env);
  await resident.said(/ended: updated/);
  expect((await resident.stop()).code).toBe(0);
  const said = await flagsIn(folder);
  expect(said.get(resident.process.pid ?? 0)).toEqual({ flags: [], exposed: NOT_EXPOSED });
  expect([...said.values()]).toContainEqual({ flags: COLLECTED, exposed: NOT_EXPOSED });
});
