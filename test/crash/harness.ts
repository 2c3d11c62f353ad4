import { spawn } from "node:child_process";
import { promises as fs } from "node:fs";
import path from "node:path";
import { rolldown } from "rolldown";
import { expect } from "vitest";
import { openDataDir } from "../../src/io/files.ts";
import { currentNumber, listGenerations, readGeneration } from "../../src/io/generations.ts";
import { readState } from "../../src/io/state.ts";
import { type Agent, readTree, runUpdate } from "../support/world.ts";
import type { Job } from "./child.ts";

/** A folder of files, by relative path. */
export type Tree = Record<string, Buffer>;

/** How a child ended. */
export interface Ending {
  killed: boolean;
  output: string;
}

/** The child as one file, so that hundreds of them start quickly. Returns its path. */
export async function bundleChild(folder: string): Promise<string> {
  const build = await rolldown({ input: path.join(import.meta.dirname, "child.ts"), platform: "node" });
  await build.write({ dir: folder, format: "esm", codeSplitting: false, entryFileNames: "child.mjs" });
  await build.close();
  return path.join(folder, "child.mjs");
}

/** Runs the child to its end, or kills it `afterMs`. */
export async function runChild(child: string, job: Job, afterMs?: number): Promise<Ending> {
  const running = spawn(process.execPath, [child, JSON.stringify(job)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [running.stdout, running.stderr]) {
    stream.on("data", (data) => {
      output += data;
    });
  }
  const timer = afterMs === undefined ? undefined : setTimeout(() => running.kill("SIGKILL"), afterMs);
  const signal = await new Promise((resolve) => running.once("close", (_code, by) => resolve(by)));
  clearTimeout(timer);
  return { killed: signal === "SIGKILL", output };
}

/** A copy of an endpoint as it stands, under its own folder. */
export async function copyAgent(agent: Agent, folder: string): Promise<Agent> {
  await fs.cp(agent.folder, folder, { recursive: true, verbatimSymlinks: true });
  return { folder, dataDir: path.join(folder, "data"), configFile: path.join(folder, "config.json") };
}

/** The installed files of a publication, as they stand below `current/components`. */
export function treeOf(components: Record<string, Record<string, Buffer>>): Tree {
  const tree: Tree = {};
  for (const [name, files] of Object.entries(components)) {
    for (const [file, bytes] of Object.entries(files)) tree[`${name}/${file}`] = bytes;
  }
  return tree;
}

export function sameTree(one: Tree, other: Tree): boolean {
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => other[name]?.equals(one[name] as Buffer) === true)
  );
}

/** `current` is one of the allowed sets, whole; and what is remembered beside it can be read. */
export async function expectWhole(agent: Agent, allowed: Tree[], when: string): Promise<void> {
  const installed = await readTree(path.join(agent.dataDir, "current", "components"));
  expect(
    allowed.some((tree) => sameTree(tree, installed)),
    `${when}: current is one complete set, not a mix (${Object.keys(installed).join(", ") || "nothing"})`,
  ).toBe(true);
}

/** The next run brings the newest set, and leaves nothing that is not needed. */
export async function expectHealed(agent: Agent, newest: Tree, when: string): Promise<void> {
  const { report } = await runUpdate(agent);
  expect(["updated", "current"], `${when}: the next run ends well`).toContain(report.outcome);
  await expectWhole(agent, [newest], `${when}, after the next run`);
  await expectNoOrphans(agent, when);
}

/** Nothing in the data directory that the kept generations do not need. */
export async function expectNoOrphans(agent: Agent, when: string): Promise<void> {
  const dirs = await openDataDir(agent.dataDir);
  for (const folder of [dirs.tmp, dirs.partial]) {
    expect(await fs.readdir(folder), `${when}: ${path.basename(folder)} is swept`).toEqual([]);
  }
  const beside = (await fs.readdir(agent.dataDir)).filter((name) => name.includes(".tmp-"));
  expect(beside, `${when}: no torn state is left`).toEqual([]);
  for (const repository of await fs.readdir(dirs.metadata)) {
    const sets = await fs.readdir(path.join(dirs.metadata, repository));
    expect(sets.length, `${when}: one trusted set of ${repository}`).toBe(1);
  }
  expect((await readState(dirs)).agentId, `${when}: the state reads`).toMatch(/^[0-9a-f-]{36}$/);
  const needed = new Set<string>();
  for (const number of await listGenerations(dirs)) {
    const generation = await readGeneration(dirs, number);
    expect(generation, `${when}: generation ${number} is whole`).toBeDefined();
    for (const file of generation?.components.flatMap((each) => each.files) ?? []) needed.add(file.sha256);
  }
  expect(await currentNumber(dirs), `${when}: current points at a generation`).toBeDefined();
  const stored = Object.keys(await readTree(dirs.store)).map((file) => path.basename(file));
  expect(stored.sort(), `${when}: the store has what the generations need`).toEqual([...needed].sort());
}

/** Runs `work` for each item, two at a time: there are two cores. */
export async function inPairs<Item>(items: Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const queue = [...items];
  const worker = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all([worker(), worker()]);
}
