import { execFileSync } from "node:child_process";
import { existsSync, promises as fs, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { UpdateEvent } from "../../src/update/update.ts";
import { numbers, sampleOf } from "../support/extent.ts";
import { bundle, PROGRAM } from "../support/program.ts";
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
  CHILD,
  copyAgent,
  expectHealed,
  expectWhole,
  inMemory,
  PATIENCE,
  published,
  runChild,
  runNode,
  type Tree,
} from "./harness.ts";

/** The system's errors, and our codes for them. */
const CODES = {
  ENOSPC: "DISK_FULL",
  EDQUOT: "DISK_FULL",
  EIO: "STORAGE_FAILED",
  EROFS: "STORAGE_UNWRITABLE",
  EACCES: "STORAGE_UNWRITABLE",
  EMFILE: "STORAGE_FAILED",
  EFBIG: "STORAGE_FAILED",
};
const SMALL: ComponentName[] = ["rules", "filters"];
const [OLD, NEW] = [published(1, SMALL), published(2, SMALL)];

let world: World;
let source: TestSource;
let child: string;

beforeAll(async () => {
  world = await makeWorld({ large: true, several: true, within: inMemory() });
  await fs.chmod(world.folder, 0o755);
  source = await startSource(world.www(2));
  child = await bundle(CHILD);
});

afterAll(async () => {
  await source.close();
  await world.remove();
});

async function endpoint(installed?: Publication, components = SMALL): Promise<Agent> {
  const options = { sources: { only: source.url }, components };
  return await makeAgent(world, { ...options, ...(installed === undefined ? {} : { installed }) });
}

interface Scenario {
  name: string;
  action: Job["action"];
  prepare: () => Promise<Agent>;
  allowed: Tree[];
}

const scenarios: Scenario[] = [
  { name: "a first installation", action: "update", prepare: () => endpoint(), allowed: [{}, NEW] },
  {
    name: "an upgrade that sweeps",
    action: "update",
    prepare: () =>
      makeAgent(world, {
        sources: { only: source.url },
        components: SMALL,
        installed: 1,
        config: { keepGenerations: 1 },
      }),
    allowed: [OLD, NEW],
  },
  {
    name: "a rollback",
    action: "rollback",
    prepare: async () => {
      const agent = await endpoint(1);
      await runUpdate(agent);
      return agent;
    },
    allowed: [OLD, NEW],
  },
];

describe.for(scenarios)("a disk that fails in $name", ({ name, action, prepare, allowed }) => {
  test(
    "at any call: a clear error, one complete set, nothing unfinished, and the next run heals",
    PATIENCE,
    async () => {
      const template = await prepare();
      const counted = await copyAgent(template, `${template.folder}-counted`);
      const { output } = await runChild(child, { action, configFile: counted.configFile });
      const calls = Number(output.split(" ").at(-1));
      const codes = Object.keys(CODES) as (keyof typeof CODES)[];
      const faults: { agent: Agent; job: Job; when: string; code: string }[] = [];
      for (const [index, failAt] of sampleOf(numbers(1, calls), codes.length).entries()) {
        const failWith = codes[index % codes.length] ?? "EIO";
        const agent = await copyAgent(template, `${template.folder}-fails-${failAt}`);
        const job: Job = { action, configFile: agent.configFile, failAt, failWith };
        const when = `${name}, ${failWith} at call ${failAt} of ${calls}`;
        faults.push({ agent, job, when, code: CODES[failWith] });
      }
      const ending = await runChild(
        child,
        faults.map(({ job }) => job),
      );
      const endings = ending.output.split("\n");
      expect(endings.length, ending.output.slice(-2_000)).toBe(faults.length);
      for (const [index, { agent, when, code }] of faults.entries()) {
        expect(endings[index], when).toMatch(new RegExp(`^storage ${code} cannot|^updated`));
        await expectWhole(agent, allowed, when);
        if (!endings[index]?.startsWith("updated")) await expectNothingUnfinished(agent, when);
        if (action === "update") await expectHealed(agent, NEW, when);
        await fs.rm(agent.folder, { recursive: true, force: true });
      }
    },
  );
});

/** Expects that a failed run leaves only files with which the next one continues. */
async function expectNothingUnfinished(agent: Agent, when: string): Promise<void> {
  const left = await fs.readdir(path.join(agent.dataDir, "tmp")).catch(() => []);
  expect(left, `${when}: nothing unfinished is left`).toEqual([]);
}

describe("a real disk", () => {
  test("that is too small is found out before the first byte of an object", PATIENCE, async ({ skip }) => {
    const agent = await endpoint(undefined, ["rules", "pattern"]);
    await onMount(agent, ["-t", "tmpfs", "-o", "size=4194304,mode=0755", "tmpfs"], skip, async () => {
      const before = source.objects().length;
      await expect(runUpdate(agent)).rejects.toMatchObject({ code: "DISK_FULL", phase: "storage" });
      expect(source.objects().length).toBe(before);
      expect(await fs.readdir(path.join(agent.dataDir, "partial"))).toEqual([]);
    });
  });

  test(
    "that fills up in mid-transfer ends the run, and what was fetched is continued later",
    PATIENCE,
    async ({ skip }) => {
      const agent = await endpoint(undefined, ["rules", "pattern"]);
      await onMount(agent, ["-t", "tmpfs", "-o", "size=11534336,mode=0755", "tmpfs"], skip, async () => {
        // Room when the run looks, and none any more when it writes: somebody else fills the disk.
        const ballast = path.join(agent.dataDir, "ballast");
        const onEvent = ({ type }: UpdateEvent) => {
          if (type === "progress" && !existsSync(ballast)) writeFileSync(ballast, Buffer.alloc(2_097_152));
        };
        await expect(runUpdate(agent, { onEvent })).rejects.toMatchObject({ code: "DISK_FULL" });
        const before = source.objects().length;
        await fs.rm(ballast);
        const { report } = await runUpdate(agent);
        expect(report.outcome).toBe("updated");
        expect(source.objects()[before]?.range).toMatch(/^bytes=[1-9]/);
        await expectWhole(agent, [published(2, ["rules", "pattern"])], "after room was made");
      });
    },
  );

  test(
    "without inodes, at whatever step they run out: exit as on a full disk, and the next run heals",
    PATIENCE,
    async ({ skip }) => {
      let failed = 0;
      for (let inodes = 12; inodes <= 60; inodes += 4) {
        const agent = await endpoint();
        const options = ["-t", "tmpfs", "-o", `nr_inodes=${inodes},mode=0755`, "tmpfs"];
        await onMount(agent, options, skip, async () => {
          const when = `${inodes} inodes`;
          const error = await runUpdate(agent).then(
            () => undefined,
            (thrown: unknown) => thrown,
          );
          if (error !== undefined) {
            failed++;
            expect(error, when).toMatchObject({ code: "DISK_FULL", phase: "storage" });
            await expectNothingUnfinished(agent, when);
          }
          await expectWhole(agent, error === undefined ? [NEW] : [{}, NEW], when);
          execFileSync("mount", ["-o", "remount,nr_inodes=1000", agent.dataDir]);
          await expectHealed(agent, NEW, when);
        });
      }
      expect(failed).toBeGreaterThan(5);
    },
  );

  test("that is read-only: exit 7, the old set works, and the next run heals", PATIENCE, async ({ skip }) => {
    const agent = await endpoint(1);
    await onMount(agent, ["--bind", agent.dataDir], skip, async () => {
      execFileSync("mount", ["-o", "remount,bind,ro", agent.dataDir]);
      await expect(runUpdate(agent)).rejects.toMatchObject({ code: "STORAGE_UNWRITABLE" });
      await expectWhole(agent, [OLD], "read-only");
      execFileSync("mount", ["-o", "remount,bind,rw", agent.dataDir]);
      await expectHealed(agent, NEW, "writable again");
    });
  });

  const isRoot = process.getuid?.() === 0;

  test.skipIf(!isRoot)(
    "that another account may not write to, in any one folder: exit 7, and heals",
    PATIENCE,
    async () => {
      const template = await endpoint(1);
      await fs.chmod(template.folder, 0o755);
      const folders = (await fs.readdir(template.dataDir, { recursive: true, withFileTypes: true }))
        .filter((entry) => entry.isDirectory())
        .map((entry) => path.relative(template.dataDir, path.join(entry.parentPath, entry.name)));
      const jobs: { agent: Agent; closed: string }[] = [];
      for (const [index, folder] of ["", ...folders].entries()) {
        const agent = await copyAgent(template, `${template.folder}-closed-${index}`);
        execFileSync("chown", ["-R", "-h", String(NOBODY), agent.dataDir]);
        jobs.push({ agent, closed: path.join(agent.dataDir, folder) });
      }
      for (const { closed } of jobs) await fs.chmod(closed, 0o555);
      const job = ({ agent }: { agent: Agent }): Job => ({
        action: "update",
        configFile: agent.configFile,
        uid: NOBODY,
      });
      const first = (await runChild(child, jobs.map(job))).output.split("\n");
      for (const [index, { agent, closed }] of jobs.entries()) {
        expect(first[index], closed).toMatch(/^storage STORAGE_UNWRITABLE cannot|^updated/);
        await expectWhole(agent, [OLD, NEW], closed);
        await fs.chmod(closed, 0o755);
      }
      expect(first.filter((line) => line.startsWith("storage")).length).toBeGreaterThan(5);
      const again = (await runChild(child, jobs.map(job))).output.split("\n");
      for (const [index, { agent, closed }] of jobs.entries()) {
        expect(again[index], closed).toMatch(/^updated|^current/);
        await expectWhole(agent, [NEW], `${closed}, open again`);
      }
    },
  );

  /** Not fewer descriptors: node itself needs about twenty. */
  test.skipIf(process.platform === "win32").for([
    ["-f 40", 7],
    ["-f 1", 7],
    ["-n 24", undefined],
    ["-n 28", undefined],
    ["-n 32", undefined],
  ] as const)(
    "under ulimit %s: a clear end, the old set works, and the next run heals",
    PATIENCE,
    async ([limit, exit]) => {
      const agent = await endpoint(1);
      // Nor its cache of compiled code, which node writes as it ends.
      const command = `unset NODE_COMPILE_CACHE; ulimit ${limit}; "$0" "$@"; echo "exit $?"`;
      const { output } = await runNode(
        ["bash", "-c", command, process.execPath, PROGRAM, "update", "--config", agent.configFile],
        child,
      );
      const code = Number(output.match(/exit (\d+)$/)?.[1]);
      if (exit === undefined) expect([0, 1, 4, 7], output).toContain(code);
      else expect(code, output).toBe(exit);
      await expectWhole(agent, [OLD, NEW], output);
      if (code !== 0) await expectNothingUnfinished(agent, output);
      await expectHealed(agent, NEW, output);
    },
  );
});

const NOBODY = 65_534;

type Skip = (reason: string) => void;

/** Runs `work` with the agent's data directory on a mount of its own; skips where none can be had. */
async function onMount(
  agent: Agent,
  options: string[],
  skip: Skip,
  work: () => Promise<void>,
): Promise<void> {
  await fs.mkdir(agent.dataDir, { recursive: true });
  try {
    execFileSync("mount", [...options, agent.dataDir], { stdio: "pipe" });
  } catch (error) {
    const reason = `nothing can be mounted here: ${(error as Error).message.split("\n")[1] ?? ""}`;
    process.stdout.write(`skipped: ${reason}\n`);
    return skip(reason);
  }
  try {
    await work();
  } finally {
    execFileSync("umount", [agent.dataDir]);
  }
}
