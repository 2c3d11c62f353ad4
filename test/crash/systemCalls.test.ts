import { execFileSync } from "node:child_process";
import { promises as fs } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WHOLE } from "../support/extent.ts";
import { bundle } from "../support/program.ts";
import { startSource, type TestSource } from "../support/source.ts";
import { type Agent, type ComponentName, makeAgent, makeWorld, type World } from "../support/world.ts";
import {
  ALL,
  CHILD,
  copyAgent,
  expectHealed,
  expectWhole,
  inMemory,
  inPairs,
  PATIENCE,
  published,
  runNode,
  traceOf,
} from "./harness.ts";

/**
 * A second opinion on what the tap of node:fs counts: the system calls themselves, as strace sees them.
 * They are asked which of them the tap missed, and are killed at in their own right.
 */

const COMPONENTS: ComponentName[] = ["rules", "filters"];
const CHANGES =
  "write,pwrite64,writev,pwritev,fsync,fdatasync,rename,renameat,renameat2,link,linkat,symlink,symlinkat," +
  "unlink,unlinkat,mkdir,mkdirat,rmdir,ftruncate,truncate,chmod,fchmod,fchmodat,copy_file_range,fallocate";
/** Kills in CI; `npm run crash` kills at every call. */
const SAMPLE = WHOLE ? 12 : 4;

let world: World;
let source: TestSource;
let child: string;
let template: Agent;
let kills = 0;

beforeAll(async () => {
  world = await makeWorld({ several: true, within: inMemory() });
  source = await startSource(world.www(2));
  child = await bundle(CHILD);
  template = await makeAgent(world, { sources: { only: source.url }, components: COMPONENTS, installed: 1 });
});

afterAll(async () => {
  process.stdout.write(`${kills} kills at a system call\n`);
  await source.close();
  await world.remove();
});

test(
  "the tap of node:fs sees every system call that changes the disk, but for the empty lock",
  PATIENCE,
  async ({ skip }) => {
    const reason = whyNoStrace();
    if (reason !== undefined) return skip(reason);
    const agent = await makeAgent(world, {
      sources: { only: source.url },
      components: COMPONENTS,
      installed: 1,
    });
    const tapped = (await traceOf(child, agent, "update"))
      .filter(({ op }) => op !== "create")
      .map((call) => `${ONE_NAME[call.op] ?? call.op} ${nameOf("to" in call ? call.to : call.path)}`);
    const seen = (await straced(agent, ["-f", "-e", `trace=${CHANGES},openat`])).calls;
    expect(seen.filter(({ made }) => made === "creates").map(({ file }) => nameOf(file))).toEqual(
      expect.arrayContaining(["lock"]),
    );
    const changes = seen
      .filter(({ made }) => made !== "creates")
      .map(({ made, file }) => `${made} ${nameOf(file)}`);
    expect(count(changes)).toEqual(count(tapped));
  },
);

test(
  "killed at a system call: the old set or the new one, and the next run heals",
  PATIENCE,
  async ({ skip }) => {
    const reason = whyNoStrace();
    if (reason !== undefined) return skip(reason);
    // One thread for files, or the calls of each would be counted apart; without -f those of the main one.
    for (const follow of [["-f"], []]) {
      const counted = await copyAgent(template, `${template.folder}-counted`);
      const { most } = await straced(counted, [...follow, "-e", `trace=${CHANGES}`]);
      await fs.rm(counted.folder, { recursive: true });
      const step = ALL ? 1 : Math.ceil(most / (SAMPLE / 2));
      const points = Array.from({ length: Math.floor(most / step) }, (_, index) => 1 + index * step);
      await inPairs(points, async (at) => {
        const agent = await copyAgent(template, `${template.folder}-at-${follow.length}-${at}`);
        const inject = ["-e", `trace=${CHANGES}`, "-e", `inject=${CHANGES}:signal=KILL:when=${at}`];
        const { killed } = await straced(agent, [...follow, ...inject]);
        if (killed) kills++;
        const when = `killed at system call ${at} of ${most}`;
        await expectWhole(agent, [published(1, COMPONENTS), published(2, COMPONENTS)], when);
        await expectHealed(agent, published(2, COMPONENTS), when);
        await fs.rm(agent.folder, { recursive: true, force: true });
      });
    }
    expect(kills).toBeGreaterThan(0);
  },
);

function whyNoStrace(): string | undefined {
  try {
    execFileSync("strace", ["-o", "/dev/null", "true"], { stdio: "pipe" });
    return undefined;
  } catch (error) {
    const reason = `strace cannot be used here: ${(error as Error).message.split("\n", 2).join(" ")}`;
    process.stdout.write(`skipped: ${reason}\n`);
    return reason;
  }
}

/** The effect of a system call, in the words of the tap. */
const ONE_NAME: Record<string, string> = {
  fsync: "sync",
  fdatasync: "sync",
  pwrite64: "write",
  ftruncate: "truncate",
  unlinkat: "unlink",
  renameat: "rename",
  fchmod: "chmod",
};

interface Seen {
  made: string;
  file: string;
}

/** One update under strace: the calls on files below the data directory, and the most that one thread made. */
async function straced(
  agent: Agent,
  options: string[],
): Promise<{ calls: Seen[]; most: number; killed: boolean }> {
  const log = `${agent.folder}.strace`;
  const job = JSON.stringify({ action: "update", configFile: agent.configFile });
  const command = ["strace", "-y", "-qq", "-o", log, ...options];
  const env = ["env", "UV_THREADPOOL_SIZE=1", process.execPath, child, job];
  const { killed } = await runNode([...command, ...env], child);
  const lines = (await fs.readFile(log, "utf8")).split("\n");
  await fs.rm(log);
  const perThread = new Map<string, number>();
  const calls: Seen[] = [];
  for (const line of lines) {
    const [, thread = "", call, rest = ""] = line.match(/^(\d+ +)?(\w+)\((.*)/) ?? [];
    if (call === undefined || /= -1 /.test(line)) continue;
    perThread.set(thread, (perThread.get(thread) ?? 0) + 1);
    const file = fileOf(rest);
    if (!file.startsWith(agent.dataDir)) continue;
    if (call !== "openat") calls.push({ made: ONE_NAME[call] ?? call, file });
    else if (rest.includes("O_CREAT")) calls.push({ made: "creates", file });
  }
  return {
    calls,
    most: Math.max(...perThread.values()),
    killed: killed || lines.some((l) => l.includes("SIGKILL")),
  };
}

/** The file that a call is about: that of its descriptor, or its last path. */
function fileOf(call: string): string {
  const descriptor = call.match(/^\d+<([^>]*)>/)?.[1];
  return descriptor ?? [...call.matchAll(/"([^"]*)"/g)].at(-1)?.[1] ?? "";
}

/** Without what differs from run to run. */
function nameOf(file: string): string {
  return path
    .basename(file)
    .replace(/\.\d+\.[0-9a-f]{12}/, "")
    .replace(/\.tmp-\w+$/, ".tmp");
}

/** Into how many pieces an object is written depends on how fast it comes: each file's writes count once. */
function count(names: string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names.sort()) counts[name] = name.startsWith("write ") ? 1 : (counts[name] ?? 0) + 1;
  return counts;
}
