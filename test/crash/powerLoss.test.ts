import { promises as fs } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startSource, type TestSource } from "../support/source.ts";
import { type Agent, makeAgent, makeWorld, type Publication, payload, type World } from "../support/world.ts";
import { diskOf, type Luck } from "./disk.ts";
import type { FsCall } from "./fsTap.ts";
import { bundleChild, expectHealed, expectWhole, inPairs, runChild, type Tree, treeOf } from "./harness.ts";

/** The large component's writes make a trace of many megabytes; the small one has every kind of call. */
const COMPONENTS = ["rules"] as const;
const PATIENCE = { timeout: 600_000 };

/** What is left of the unsynced. The named ones are the extremes; `npm run crash` adds many in between. */
const LUCKS: Record<string, () => Luck> = {
  "nothing that was not synced": () => ({ names: () => 0, bytes: () => "lost" }),
  "names without bytes": () => ({ names: (count) => count, bytes: () => "lost" }),
  "names with half of the bytes": () => ({ names: (count) => count, bytes: () => "half" }),
  "any part": () => ({
    names: (count) => Math.floor(Math.random() * (count + 1)),
    bytes: () => (["lost", "half", "kept"] as const)[Math.floor(Math.random() * 3)] ?? "lost",
  }),
};
const REPEATS = process.env.CRASH === "all" ? 10 : 1;

let world: World;
let source: TestSource;
let child: string;
let states = 0;

beforeAll(async () => {
  world = await makeWorld();
  source = await startSource(world.www(2));
  child = await bundleChild(path.join(world.folder, "bundle"));
});

afterAll(async () => {
  process.stdout.write(`${states} states of a disk after power loss\n`);
  await source.close();
  await world.remove();
});

function published(publication: Publication): Tree {
  return treeOf(Object.fromEntries(COMPONENTS.map((name) => [name, payload(publication, name)])));
}

const scenarios = [
  { name: "a first installation", installed: undefined, before: {} as Tree },
  { name: "an upgrade", installed: 1 as Publication, before: published(1) },
];

describe.for(scenarios)("power lost in $name", ({ installed, before }) => {
  let agent: Agent;
  let calls: FsCall[];

  beforeAll(async () => {
    agent = await makeAgent(world, {
      sources: { only: source.url },
      components: [...COMPONENTS],
      ...(installed === undefined ? {} : { installed }),
    });
    calls = await traceOf(agent);
  });

  test.for(Object.keys(LUCKS))(
    "leaving %s: one complete set, and the next run heals",
    PATIENCE,
    async (name) => {
      const luck = LUCKS[name] as () => Luck;
      const found: { at: number; folder: string }[] = [];
      const disk = await diskOf(agent.folder);
      for (let at = 0; at <= calls.length; at++) {
        for (let repeat = 0; repeat < (name === "any part" ? REPEATS : 1); repeat++) {
          const folder = `${agent.folder}-lost-${installed ?? 0}-${name.replaceAll(" ", "-")}-${at}-${repeat}`;
          await disk.materialize(folder, luck());
          found.push({ at, folder });
        }
        const call = calls[at];
        if (call !== undefined) disk.apply(call);
      }
      await inPairs(found, async ({ at, folder }) => {
        states++;
        const when = `power lost after call ${at} of ${calls.length}, leaving ${name}`;
        const survivor = await agentIn(folder);
        // After the last call the update has reported success: from then on there is only the new set.
        await expectWhole(survivor, at === calls.length ? [published(2)] : [before, published(2)], when);
        await expectHealed(survivor, published(2), when);
        await fs.rm(folder, { recursive: true, force: true });
      });
    },
  );
});

/** The calls of one whole update, in the order they were made. */
async function traceOf(agent: Agent): Promise<FsCall[]> {
  const traceFile = `${agent.folder}.trace`;
  const backup = `${agent.folder}-before`;
  await fs.cp(agent.folder, backup, { recursive: true, verbatimSymlinks: true });
  const { killed, output } = await runChild(child, {
    action: "update",
    configFile: agent.configFile,
    traceFile,
  });
  expect(killed, output).toBe(false);
  await fs.rm(agent.folder, { recursive: true, force: true });
  await fs.rename(backup, agent.folder);
  const lines = (await fs.readFile(traceFile, "utf8")).split("\n");
  return lines.map((line) => {
    const call = JSON.parse(line);
    return "data" in call ? { ...call, data: Buffer.from(call.data, "base64") } : call;
  });
}

async function agentIn(folder: string): Promise<Agent> {
  return { folder, dataDir: path.join(folder, "data"), configFile: path.join(folder, "config.json") };
}
