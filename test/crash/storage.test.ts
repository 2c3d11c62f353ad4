import { execFileSync } from "node:child_process";
import { existsSync, promises as fs, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { UpdateEvent } from "../../src/agent/update.ts";
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

const PATIENCE = { timeout: 600_000 };
const CODES = {
  ENOSPC: "DISK_FULL",
  EDQUOT: "DISK_FULL",
  EIO: "STORAGE_FAILED",
  EROFS: "STORAGE_UNWRITABLE",
};

let world: World;
let source: TestSource;
let child: string;

beforeAll(async () => {
  world = await makeWorld({ large: true });
  source = await startSource(world.www(2));
  child = await bundleChild(path.join(world.folder, "bundle"));
});

afterAll(async () => {
  await source.close();
  await world.remove();
});

function published(publication: Publication, names: ("rules" | "pattern")[]): Tree {
  return treeOf(Object.fromEntries(names.map((name) => [name, payload(publication, name)])));
}

describe("a disk that fails", () => {
  test(
    "at any call: a clear error, the old set or the new one, and the next run heals",
    PATIENCE,
    async () => {
      const template = await makeAgent(world, { sources: { only: source.url }, installed: 1 });
      const counted = await copyAgent(template, `${template.folder}-counted`);
      const { output } = await runChild(child, { action: "update", configFile: counted.configFile });
      const calls = Number(output.split(" ").at(-1));
      const faults = Array.from({ length: calls }, (_, index) => index + 1);
      const codes = Object.keys(CODES) as (keyof typeof CODES)[];
      await inPairs(faults, async (failAt) => {
        const failWith = codes[failAt % codes.length] ?? "EIO";
        const agent = await copyAgent(template, `${template.folder}-fails-${failAt}`);
        const ending = await runChild(child, {
          action: "update",
          configFile: agent.configFile,
          failAt,
          failWith,
        });
        const when = `${failWith} at call ${failAt} of ${calls}`;
        expect(ending.output, when).toMatch(new RegExp(`^storage ${CODES[failWith]} cannot|^updated`));
        await expectWhole(agent, [published(1, ["rules"]), published(2, ["rules"])], when);
        await expectHealed(agent, published(2, ["rules"]), when);
        await fs.rm(agent.folder, { recursive: true, force: true });
      });
    },
  );

  test("that is too small is found out before the first byte of an object", PATIENCE, async (context) => {
    const agent = await makeAgent(world, { sources: { only: source.url }, components: ["rules", "pattern"] });
    await onSmallDisk(agent, 4_194_304, context.skip, async () => {
      const before = source.objects().length;
      await expect(runUpdate(agent)).rejects.toMatchObject({ code: "DISK_FULL", phase: "storage" });
      expect(source.objects().length).toBe(before);
      expect(await fs.readdir(path.join(agent.dataDir, "partial"))).toEqual([]);
    });
  });

  test(
    "that fills up in mid-transfer ends the run, and what was fetched is continued later",
    PATIENCE,
    async (context) => {
      const agent = await makeAgent(world, {
        sources: { only: source.url },
        components: ["rules", "pattern"],
      });
      await onSmallDisk(agent, 11_534_336, context.skip, async () => {
        // Room when the run looks, and none any more when it writes: somebody else fills the disk.
        const ballast = path.join(agent.dataDir, "ballast");
        const onEvent = ({ type }: UpdateEvent) => {
          if (type === "progress" && !existsSync(ballast)) writeFileSync(ballast, Buffer.alloc(2_097_152));
        };
        await expect(runUpdate(agent, { onEvent })).rejects.toMatchObject({ code: "DISK_FULL" });
        await fs.rm(ballast);
        const { report } = await runUpdate(agent);
        expect(report.outcome).toBe("updated");
        await expectWhole(agent, [published(2, ["rules", "pattern"])], "after room was made");
      });
    },
  );
});

type Skip = (reason: string) => void;

/** Runs `work` with the agent's data directory on a tmpfs of its own; skips where none can be mounted. */
async function onSmallDisk(agent: Agent, size: number, skip: Skip, work: () => Promise<void>): Promise<void> {
  await fs.mkdir(agent.dataDir, { recursive: true });
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size},mode=0755`, "tmpfs", agent.dataDir], {
      stdio: "pipe",
    });
  } catch (error) {
    return skip(`no tmpfs can be mounted here: ${(error as Error).message.split("\n")[1] ?? ""}`);
  }
  try {
    await work();
  } finally {
    execFileSync("umount", [agent.dataDir]);
  }
}
