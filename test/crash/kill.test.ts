import { promises as fs } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dataDirAt } from "../../src/store/dataDir.ts";
import { storePath } from "../../src/store/store.ts";
import { numbers, sampleOf, WHOLE } from "../support/extent.ts";
import { bundle } from "../support/program.ts";
import { startSource, type TestSource } from "../support/source.ts";
import {
  type Agent,
  type ComponentName,
  history,
  makeAgent,
  makeWorld,
  objectOf,
  type Publication,
  runUpdate,
  type World,
} from "../support/world.ts";
import type { Job } from "./child.ts";
import {
  ALL,
  CHILD,
  copyAgent,
  expectHealed,
  expectNoOrphans,
  expectWhole,
  inMemory,
  inPairs,
  missingBytes,
  PATIENCE,
  published,
  runChild,
  type Tree,
  traceOf,
  treeOf,
} from "./harness.ts";

/** `npm run crash` kills at many more random moments. */
const RANDOM_KILLS = ALL ? 600 : WHOLE ? 90 : 8;
/** Of the calls of a run, where not every one is asked for. */
const SAMPLE = 4;
/** More than any run's metadata, and less than any object that could be fetched twice. */
const METADATA_BYTES = 40_000;

let world: World;
let source: TestSource;
/** A world whose releases come as deltas. */
let related: { world: World; source: TestSource };
let child: string;
let points = 0;

beforeAll(async () => {
  world = await makeWorld({ large: true, several: true, within: inMemory() });
  source = await startSource(world.www(2));
  const ofDeltas = await makeWorld({ contents: history, deltas: 1 });
  related = { world: ofDeltas, source: await startSource(ofDeltas.www(2)) };
  child = await bundle(CHILD);
});

afterAll(async () => {
  for (const each of [{ world, source }, related]) {
    await each.source.close();
    await each.world.remove();
  }
});

const SMALL: ComponentName[] = ["rules", "filters"];
const BOTH: ComponentName[] = ["rules", "pattern"];

interface Scenario {
  name: string;
  /** The world, if it is not the one whose releases have nothing in common. */
  world?: () => { world: World; source: TestSource };
  action: Job["action"];
  components: ComponentName[];
  installed?: Publication;
  config?: Record<string, unknown>;
  /** The files that the next run brings, if they are not the second publication of the usual world. */
  newest?: () => Tree;
  /** Before the run that is killed. */
  prepare?: (agent: Agent) => Promise<void>;
  /** The sets that may be installed after a kill. */
  allowed: (names: ComponentName[]) => Tree[];
}

const oldOrNew = (names: ComponentName[]) => [published(1, names), published(2, names)];

const scenarios: Scenario[] = [
  {
    name: "a first installation",
    action: "update",
    components: BOTH,
    allowed: (names) => [{}, published(2, names)],
  },
  {
    name: "an upgrade of several components",
    action: "update",
    components: SMALL,
    installed: 1,
    allowed: oldOrNew,
  },
  {
    name: "an upgrade that sweeps the old generation",
    action: "update",
    components: SMALL,
    installed: 1,
    config: { keepGenerations: 1 },
    allowed: oldOrNew,
  },
  {
    name: "an upgrade that goes on with what a killed one left",
    action: "update",
    components: BOTH,
    installed: 1,
    prepare: leavePartial,
    allowed: oldOrNew,
  },
  {
    name: "a rollback",
    action: "rollback",
    components: SMALL,
    installed: 1,
    prepare: async (agent) => {
      await runUpdate(agent);
    },
    allowed: oldOrNew,
  },
  {
    name: "a repair",
    action: "repair",
    components: SMALL,
    installed: 2,
    prepare: damage,
    // Damaged is what it was; no kill may make that worse, or lose what was whole.
    allowed: (names) => [published(2, names), { ...published(2, names), "rules/rules.dat": ALTERED }],
  },
  {
    name: "an update that mends",
    action: "update",
    components: SMALL,
    installed: 2,
    prepare: (agent) => fs.rm(path.join(agent.dataDir, "generations/1/components/rules/rules.dat")),
    allowed: (names) => {
      const { "rules/rules.dat": _, ...damaged } = published(2, names);
      return [damaged, published(2, names)];
    },
  },
  {
    name: "an upgrade by deltas",
    action: "update",
    world: () => related,
    components: ["rules"],
    installed: 1,
    allowed: () => [history(1), history(2)].map((files) => treeOf({ rules: files })),
    newest: () => treeOf({ rules: history(2) }),
  },
];

const ALTERED = Buffer.from("altered");

describe.for(scenarios)("killed in $name", (scenario) => {
  let template: Agent;
  let calls: number;
  let duration: number;

  beforeAll(async () => {
    template = await makeTemplate(scenario);
    const traced = await copyAgent(template, `${template.folder}-traced`);
    const began = performance.now();
    const { output, killed } = await runChild(child, {
      action: scenario.action,
      configFile: traced.configFile,
    });
    duration = performance.now() - began;
    expect(killed, output).toBe(false);
    calls = Number(output.split(" ").at(-1));
    expect(calls, output).toBeGreaterThan(8);
  }, 60_000);

  test("at any call that changes the disk: one complete set, and the next run heals", PATIENCE, async () => {
    await inPairs(sampleOf(numbers(1, calls), SAMPLE), async (killAt) => {
      const agent = await copyAgent(template, `${template.folder}-at-${killAt}`);
      const job = { action: scenario.action, configFile: agent.configFile, killAt };
      const when = `killed at call ${killAt} of ${calls}`;
      const { killed, output } = await runChild(child, job);
      expect(killed, `${when}: ${output}`).toBe(true);
      await expectSurvived(agent, scenario, when);
    });
  });

  test("at any moment: one complete set, and the next run heals", PATIENCE, async () => {
    const kills = Array.from({ length: Math.ceil(RANDOM_KILLS / scenarios.length) }, (_, index) => index);
    await inPairs(kills, async (index) => {
      const agent = await copyAgent(template, `${template.folder}-random-${index}`);
      const job = { action: scenario.action, configFile: agent.configFile };
      await runChild(child, job, Math.random() * duration);
      await expectSurvived(agent, scenario, `killed at a random moment (${index})`);
    });
  });
});

test("there were at least 500 kills, or a sample of 40", () => {
  process.stdout.write(`${points} kill points\n`);
  expect(points).toBeGreaterThanOrEqual(WHOLE ? 500 : 40);
});

async function makeTemplate(scenario: Scenario): Promise<Agent> {
  const { installed, components, config = {}, prepare } = scenario;
  const { world: from, source: only } = scenario.world?.() ?? { world, source };
  const agent = await makeAgent(from, {
    sources: { only: only.url },
    components,
    ...(installed === undefined ? {} : { installed }),
    config: { ...config },
  });
  await prepare?.(agent);
  return agent;
}

/** Leaves the files of a run that was killed when it had a part of the large file. */
async function leavePartial(agent: Agent): Promise<void> {
  const calls = await traceOf(child, agent, "update");
  const half = calls.findIndex((call) => call.op === "write" && call.position > 4_194_304);
  await runChild(child, { action: "update", configFile: agent.configFile, killAt: half + 1 });
  const partial = await fs.stat(path.join(agent.dataDir, "partial", objectOf(2, "pattern")));
  expect(partial.size).toBeGreaterThan(4_194_304);
}

/** Alters an installed file, which is the store's too. */
async function damage(agent: Agent): Promise<void> {
  const inStore = storePath(dataDirAt(agent.dataDir), objectOf(2, "rules"));
  const installed = path.join(agent.dataDir, "generations/1/components/rules/rules.dat");
  await fs.rm(inStore);
  await fs.rm(installed);
  await fs.writeFile(inStore, ALTERED);
  await fs.link(inStore, installed);
}

async function expectSurvived(agent: Agent, scenario: Scenario, when: string): Promise<void> {
  points++;
  const newest = scenario.newest?.() ?? published(2, scenario.components);
  await expectWhole(agent, scenario.allowed(scenario.components), when);
  if (scenario.action === "update") await expectHealedByUpdate(agent, newest, when);
  else await expectSameAgain(agent, scenario, when);
  await fs.rm(agent.folder, { recursive: true, force: true });
}

/** The next run fetches what is on no disk of ours, to the byte, and nothing else. */
async function expectHealedByUpdate(agent: Agent, newest: Tree, when: string): Promise<void> {
  const missing = await missingBytes(agent, newest);
  const report = await expectHealed(agent, newest, when);
  const fetched = report.installed.reduce((sum, { bytes }) => sum + bytes, 0);
  // By deltas it is less.
  expect(fetched, `${when}: only what was missing is fetched`).toBeLessThanOrEqual(missing);
  if (!report.installed.some(({ via }) => via === "delta")) {
    expect(fetched, `${when}: all that was missing is fetched`).toBe(missing);
  }
  expect(report.bytes - fetched, `${when}: and metadata`).toBeLessThan(METADATA_BYTES);
}

/** The same command again does what it did not come to, and no litter survives the update after it. */
async function expectSameAgain(agent: Agent, scenario: Scenario, when: string): Promise<void> {
  const expected = [published(scenario.action === "repair" ? 2 : 1, scenario.components)];
  const { output } = await runChild(child, { action: scenario.action, configFile: agent.configFile });
  // A rollback that was done already has nowhere further to go.
  expect(output, when).toMatch(/^updated|^exit 0|^install GENERATION_NOT_FOUND/);
  await expectWhole(agent, expected, `${when}, and done again`);
  // A release is held before a rollback leaves it, so that no update undoes one that was killed.
  const { report } = await runUpdate(agent);
  expect(report.undelivered, when).toEqual([]);
  await expectWhole(agent, expected, `${when}, after the next run`);
  await expectNoOrphans(agent, when);
}
