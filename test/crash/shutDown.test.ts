import { execFileSync } from "node:child_process";
import { promises as fs } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WHOLE } from "../support/extent.ts";
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
import {
  ALL,
  agentIn,
  CHILD,
  expectHealed,
  expectNothingLost,
  expectWhole,
  inMemory,
  PATIENCE,
  published,
  runChild,
  type Tree,
  traceOf,
} from "./harness.ts";

/**
 * Power lost for real: a file system in a file, mounted by loop, is shut down at a call (FS_IOC_SHUTDOWN
 * without writing the journal out), mounted again, and looked at.
 */

const COMPONENTS: ComponentName[] = ["rules", "filters"];
const [OLD, NEW] = [published(1, COMPONENTS), published(2, COMPONENTS)];
/** Calls shut down at in CI, of each scenario; `npm run crash` takes them all. */
const SAMPLE = WHOLE ? 8 : 4;

let world: World;
let source: TestSource;
let child: string;
let shutdowns = 0;

beforeAll(async () => {
  world = await makeWorld({ several: true, within: inMemory() });
  source = await startSource(world.www(2));
  child = await bundle(CHILD);
});

afterAll(async () => {
  process.stdout.write(`${shutdowns} file systems shut down\n`);
  await source.close();
  await world.remove();
});

interface Scenario {
  system: "ext4" | "xfs";
  action: Job["action"];
  installed?: Publication;
  before: Tree;
  after: Tree;
}

const scenarios: Scenario[] = (ALL ? (["ext4", "xfs"] as const) : (["ext4"] as const)).flatMap((system) => [
  { system, action: "update", before: {}, after: NEW },
  { system, action: "update", installed: 1, before: OLD, after: NEW },
  { system, action: "rollback", installed: 1, before: NEW, after: OLD },
]);

describe.for(scenarios)("$system shut down in a run ($action, installed: $installed)", (scenario) => {
  test("keeps one complete set, loses nothing that was reported, and heals", PATIENCE, async ({ skip }) => {
    const image = path.join(world.folder, `${scenario.system}.img`);
    const reason = await makeImage(image, scenario.system);
    if (reason !== undefined) {
      process.stdout.write(`skipped: ${reason}\n`);
      return skip(reason);
    }
    const template = await makeTemplate(scenario);
    const { length } = await traceOf(child, template, scenario.action);
    const step = ALL ? 1 : Math.ceil(length / SAMPLE);
    // The last is after success was reported.
    for (let killAt = length + 1; killAt > 0; killAt -= step) {
      await onMounted(image, async (mountPoint, mountAgain) => {
        const agent = agentIn(path.join(mountPoint, "agent"));
        execFileSync("cp", ["-a", template.folder, agent.folder]);
        execFileSync("sync", ["-f", mountPoint]);
        const job = { action: scenario.action, configFile: agent.configFile, killAt, shutDown: mountPoint };
        const when = `${scenario.system} shut down at call ${killAt} of ${length}`;
        const { killed, output } = await runChild(child, job);
        expect(killed, `${when}: ${output}`).toBe(true);
        shutdowns++;
        mountAgain();
        await expectSurvived(agent, scenario, output.trim() !== "", when);
      });
    }
  });
});

async function makeTemplate({ action, installed }: Scenario): Promise<Agent> {
  const options = { sources: { only: source.url }, components: COMPONENTS };
  const agent = await makeAgent(world, { ...options, ...(installed === undefined ? {} : { installed }) });
  if (action === "rollback") await runUpdate(agent);
  return agent;
}

async function expectSurvived(
  agent: Agent,
  scenario: Scenario,
  reported: boolean,
  when: string,
): Promise<void> {
  const { action, before, after } = scenario;
  await expectWhole(agent, reported ? [after] : [before, after], when);
  if (action === "update") {
    if (reported) await expectNothingLost(agent, after, world.www(2), when);
    await expectHealed(agent, after, when);
    return;
  }
  if (!reported) await runChild(child, { action, configFile: agent.configFile });
  await expectWhole(agent, [after], `${when}, and done again`);
}

/** The reason why no such file system can be mounted here, or undefined when `image` is one that can. */
async function makeImage(image: string, system: "ext4" | "xfs"): Promise<string | undefined> {
  try {
    await fs.rm(image, { force: true });
    await fs.writeFile(image, "");
    await fs.truncate(image, (system === "xfs" ? 320 : 32) * 1_048_576);
    execFileSync(`mkfs.${system}`, ["-q", image], { stdio: "pipe" });
    await onMounted(image, async () => {});
    execFileSync("perl", ["-e", "1"]);
    return undefined;
  } catch (error) {
    return `no ${system} can be made and mounted here: ${(error as Error).message.split("\n", 2).join(" ")}`;
  }
}

/** Mounts a copy of `image`, for as long as `work` takes. */
async function onMounted(
  image: string,
  work: (mountPoint: string, mountAgain: () => void) => Promise<void>,
): Promise<void> {
  const copy = `${image}.mounted`;
  const mountPoint = `${image}.mount`;
  execFileSync("cp", ["--sparse=always", image, copy]);
  await fs.mkdir(mountPoint, { recursive: true });
  const mount = () => execFileSync("mount", ["-o", "loop", copy, mountPoint], { stdio: "pipe" });
  mount();
  try {
    await work(mountPoint, () => {
      execFileSync("umount", [mountPoint]);
      mount();
    });
  } finally {
    execFileSync("umount", [mountPoint]);
  }
}
