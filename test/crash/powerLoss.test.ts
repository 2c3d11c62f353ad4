import { promises as fs } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, test } from "vitest";
import { numbers, sampleAndLast } from "../support/extent.ts";
import { bundle } from "../support/program.ts";
import { startSource, type TestSource } from "../support/source.ts";
import {
  type Agent,
  type ComponentName,
  makeAgent,
  makeWorld,
  type Publication,
  runUpdate,
  type World,
} from "../support/world.ts";
import type { Job } from "./child.ts";
import { diskOf, type Luck } from "./disk.ts";
import type { FsCall } from "./fsTap.ts";
import {
  ALL,
  agentIn,
  CHILD,
  expectHealed,
  expectNothingLost,
  expectWhole,
  inMemory,
  inPairs,
  PATIENCE,
  published,
  runChild,
  type Tree,
  traceOf,
} from "./harness.ts";

/** The large component's writes make a trace of many megabytes; the small ones have every kind of call. */
const COMPONENTS: ComponentName[] = ["rules", "filters"];

/**
 * The unsynced changes that are kept. The named ones are the extremes; `npm run crash` adds many in between.
 */
const LUCKS: Record<string, () => Luck> = {
  "nothing that was not synced": () => ({ names: () => 0, bytes: () => "lost" }),
  "names without bytes": () => ({ names: (count) => count, bytes: () => "lost" }),
  "names with half of the bytes": () => ({ names: (count) => count, bytes: () => "half" }),
  "any part": () => ({
    names: (count) => Math.floor(Math.random() * (count + 1)),
    bytes: () => (["lost", "half", "kept"] as const)[Math.floor(Math.random() * 3)] ?? "lost",
  }),
};
const REPEATS = ALL ? 10 : 1;
/** Of the calls of a run, where not every one is asked for. */
const SAMPLE = 8;

let world: World;
let source: TestSource;
let child: string;
let states = 0;

beforeAll(async () => {
  world = await makeWorld({ several: true, within: inMemory() });
  source = await startSource(world.www(2));
  child = await bundle(CHILD);
});

afterAll(async () => {
  process.stdout.write(`${states} states of a disk after power loss\n`);
  await source.close();
  await world.remove();
});

interface Scenario {
  name: string;
  action: Job["action"];
  installed?: Publication;
  before: Tree;
  after: Tree;
}

const [OLD, NEW] = [published(1, COMPONENTS), published(2, COMPONENTS)];
const scenarios: Scenario[] = [
  { name: "a first installation", action: "update", before: {}, after: NEW },
  { name: "an upgrade of several components", action: "update", installed: 1, before: OLD, after: NEW },
  { name: "a rollback", action: "rollback", installed: 1, before: NEW, after: OLD },
];

describe.for(scenarios)("power lost in $name", ({ action, installed, before, after }) => {
  let agent: Agent;
  let calls: FsCall[];

  beforeAll(async () => {
    agent = await makeAgent(world, {
      sources: { only: source.url },
      components: COMPONENTS,
      // A data directory whose parents are new too.
      config: { dataDir: "new/data" },
      ...(installed === undefined ? {} : { installed }),
    });
    if (installed !== undefined) {
      await fs.mkdir(path.join(agent.folder, "new"));
      await fs.rename(agent.dataDir, path.join(agent.folder, "new", "data"));
    }
    agent = inNew(agent);
    if (action === "rollback") await runUpdate(agent);
    calls = await traceOf(child, agent, action);
  });

  test.for(Object.keys(LUCKS))(
    "leaving %s: one complete set, and the next run heals",
    PATIENCE,
    async (name) => {
      const luck = LUCKS[name] as () => Luck;
      const found: { at: number; folder: string }[] = [];
      const disk = await diskOf(agent.folder);
      const losses = new Set(sampleAndLast(numbers(0, calls.length), SAMPLE));
      for (let at = 0; at <= calls.length; at++) {
        const repeats = losses.has(at) ? (name === "any part" ? REPEATS : 1) : 0;
        for (let repeat = 0; repeat < repeats; repeat++) {
          const folder = `${agent.folder}-lost-${name.replaceAll(" ", "-")}-${at}-${repeat}`;
          await disk.materialize(folder, luck());
          found.push({ at, folder });
        }
        const call = calls[at];
        if (call !== undefined) disk.apply(call);
      }
      await inPairs(found, async ({ at, folder }) => {
        states++;
        const when = `power lost after call ${at} of ${calls.length}, leaving ${name}`;
        const survivor = inNew(agentIn(folder));
        // After the last call success was reported: from then on there is only the new set.
        await expectWhole(survivor, at === calls.length ? [after] : [before, after], when);
        if (at === calls.length && action === "update")
          await expectNothingLost(survivor, after, world.www(2), when);
        if (action === "update") await expectHealed(survivor, after, when);
        else await expectRolledBack(survivor, at === calls.length, when);
        await fs.rm(folder, { recursive: true, force: true });
      });
    },
  );
});

/** A rollback that was reported stays, held against the next update; before that it can be had again. */
async function expectRolledBack(agent: Agent, reported: boolean, when: string): Promise<void> {
  if (!reported) await runChild(child, { action: "rollback", configFile: agent.configFile });
  await expectWhole(agent, [OLD], `${when}, and done again`);
  if (!reported) return;
  await runUpdate(agent);
  await expectWhole(agent, [OLD], `${when}, after the next run`);
}

function inNew(agent: Agent): Agent {
  return { ...agent, dataDir: path.join(agent.folder, "new", "data") };
}
