import { spawn } from "node:child_process";
import path from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";

/** The cost of a command, with every process it waited for. Seconds, and bytes of peak resident memory. */
export interface Cost {
  wall: number;
  cpu: number;
  rss: number;
}

/** A command that is measured, and `before` each run the part that is not. */
export interface Case {
  name: string;
  command: string[];
  before?: (() => Promise<unknown>) | undefined;
}

const SPAWN = path.join(import.meta.dirname, "spawn.py");

/**
 * Runs a command to its end, and returns its cost.
 *
 * @throws Error when it fails, with its stderr
 */
export async function costOf(command: string[], cwd: string): Promise<Cost> {
  const { code, stderr, ...cost } = await tryCost(command, cwd);
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}: ${stderr}`);
  return cost;
}

/** Like `costOf`, for a command that may fail; a signal that ended it is a negative `code`. */
export async function tryCost(
  command: string[],
  cwd: string,
): Promise<Cost & { code: number; stderr: string }> {
  // Debian's own interpreter, since a wrapper found earlier in PATH may be a slow script.
  const child = spawn("python3", ["-I", "-S", SPAWN, ...command], {
    cwd,
    env: { ...process.env, PATH: `/usr/bin:${process.env.PATH}:/usr/sbin:/sbin` },
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  const [stderr, took] = await Promise.all([2, 3].map((fd) => text(child.stdio[fd] as Readable)));
  if (took === undefined || took === "") throw new Error(`${command.join(" ")} could not be run: ${stderr}`);
  return { ...JSON.parse(took), stderr: stderr ?? "" };
}

/**
 * The median of each figure over `runs` runs. The cases take turns, so that other work of the machine meets
 * all of them.
 */
export async function measure(cases: Case[], runs: number, cwd: string): Promise<Record<string, Cost>> {
  const costs = new Map<string, Cost[]>(cases.map(({ name }) => [name, []]));
  for (let run = 0; run < runs; run++) {
    for (const { name, command, before } of cases) {
      await before?.();
      costs.get(name)?.push(await costOf(command, cwd));
    }
  }
  return Object.fromEntries([...costs].map(([name, each]) => [name, medianCost(each)]));
}

function medianCost(costs: Cost[]): Cost {
  return {
    wall: median(costs.map((each) => each.wall)),
    cpu: median(costs.map((each) => each.cpu)),
    rss: median(costs.map((each) => each.rss)),
  };
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}
