import { promises as fs } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startSource, type TestSource } from "../support/source.ts";
import {
  type Agent,
  makeAgent,
  makeWorld,
  type Publication,
  payload,
  runUpdate,
  type World,
} from "../support/world.ts";
import type { Job } from "./child.ts";
import {
  bundleChild,
  copyAgent,
  expectHealed,
  expectWhole,
  inPairs,
  runChild,
  type Tree,
  treeOf,
} from "./harness.ts";

/** `npm run crash` kills at many more random moments. */
const RANDOM_KILLS = process.env.CRASH === "all" ? 600 : 80;
/** Hundreds of processes, two at a time. */
const PATIENCE = { timeout: 600_000 };
const COMPONENTS = ["rules", "pattern"] as const;

let world: World;
let source: TestSource;
let child: string;
let points = 0;

beforeAll(async () => {
  world = await makeWorld({ large: true });
  source = await startSource(world.www(2));
  child = await bundleChild(path.join(world.folder, "bundle"));
});

afterAll(async () => {
  process.stdout.write(`${points} kill points\n`);
  await source.close();
  await world.remove();
});

function published(publication: Publication): Tree {
  return treeOf(Object.fromEntries(COMPONENTS.map((name) => [name, payload(publication, name)])));
}

interface Scenario {
  name: string;
  action: Job["action"];
  installed?: Publication;
  config?: Record<string, unknown>;
  /** Before the run that is killed. */
  prepare?: (agent: Agent) => Promise<void>;
  /** What may be installed after a kill; the last is what the next run must bring. */
  allowed: Tree[];
}

const scenarios: Scenario[] = [
  { name: "a first installation", action: "update", allowed: [{}, published(2)] },
  {
    name: "an upgrade of two components",
    action: "update",
    installed: 1,
    allowed: [published(1), published(2)],
  },
  {
    name: "an upgrade that sweeps the old generation",
    action: "update",
    installed: 1,
    config: { keepGenerations: 1 },
    allowed: [published(1), published(2)],
  },
  {
    name: "an upgrade that goes on with what a killed one left",
    action: "update",
    installed: 1,
    prepare: async (agent) => {
      await runChild(child, { action: "update", configFile: agent.configFile, killAt: 46 });
    },
    allowed: [published(1), published(2)],
  },
];

describe.for(scenarios)("killed in $name", (scenario) => {
  let template: Agent;
  let calls: number;

  beforeAll(async () => {
    template = await makeTemplate(scenario);
    const traced = await copyAgent(
      template,
      path.join(template.folder, "..", `traced-${path.basename(template.folder)}`),
    );
    const { output, killed } = await runChild(child, {
      action: scenario.action,
      configFile: traced.configFile,
    });
    expect(killed, output).toBe(false);
    calls = Number(output.split(" ").at(-1));
    expect(calls).toBeGreaterThan(50);
  });

  test(
    "at any call that changes the disk: the old set or the new one, and the next run heals",
    PATIENCE,
    async () => {
      const kills = Array.from({ length: calls }, (_, index) => index + 1);
      await inPairs(kills, async (killAt) => {
        const agent = await copyAgent(template, `${template.folder}-at-${killAt}`);
        const { killed } = await runChild(child, {
          action: scenario.action,
          configFile: agent.configFile,
          killAt,
        });
        const when = `killed at call ${killAt} of ${calls}`;
        expect(killed, when).toBe(true);
        await expectSurvived(agent, scenario.allowed, when);
      });
    },
  );

  test("at any moment: the old set or the new one, and the next run heals", PATIENCE, async () => {
    const began = performance.now();
    const timed = await copyAgent(template, `${template.folder}-timed`);
    await runChild(child, { action: scenario.action, configFile: timed.configFile });
    const duration = performance.now() - began;
    const kills = Array.from({ length: Math.ceil(RANDOM_KILLS / scenarios.length) }, (_, index) => index);
    await inPairs(kills, async (index) => {
      const agent = await copyAgent(template, `${template.folder}-random-${index}`);
      const job = { action: scenario.action, configFile: agent.configFile };
      await runChild(child, job, Math.random() * duration);
      await expectSurvived(agent, scenario.allowed, `killed at a random moment (${index})`);
    });
  });
});

test(
  "killed in a rollback at any call: one of the two generations, and the hold or none",
  PATIENCE,
  async () => {
    const template = await makeTemplate({ name: "", action: "update", installed: 1, allowed: [] });
    await runUpdate(template);
    const allowed = [published(1), published(2)];
    for (let killAt = 1; ; killAt++) {
      const agent = await copyAgent(template, `${template.folder}-rollback-${killAt}`);
      const { killed } = await runChild(child, { action: "rollback", configFile: agent.configFile, killAt });
      if (!killed) break;
      points++;
      await expectWhole(agent, allowed, `rollback killed at ${killAt}`);
      await runUpdate(agent);
      await expectWhole(agent, allowed, `after a rollback killed at ${killAt}`);
      await fs.rm(agent.folder, { recursive: true, force: true });
    }
  },
);

async function makeTemplate({ installed, config = {}, prepare }: Scenario): Promise<Agent> {
  const agent = await makeAgent(world, {
    sources: { only: source.url },
    components: [...COMPONENTS],
    ...(installed === undefined ? {} : { installed }),
    config: { ...config },
  });
  await prepare?.(agent);
  return agent;
}

async function expectSurvived(agent: Agent, allowed: Tree[], when: string): Promise<void> {
  points++;
  await expectWhole(agent, allowed, when);
  await expectHealed(agent, allowed.at(-1) as Tree, when);
  await fs.rm(agent.folder, { recursive: true, force: true });
}
