import { execFile, spawn } from "node:child_process";
import { promises as fs, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { expect } from "vitest";
import { dataDirAt } from "../../src/store/dataDir.ts";
import { currentNumber, listGenerations, readGeneration } from "../../src/store/generations/generations.ts";
import { MARKER } from "../../src/store/openDataDir.ts";
import { partialLength } from "../../src/store/partial.ts";
import { readState } from "../../src/store/state/state.ts";
import { inStore } from "../../src/store/store.ts";
import { readTrustedSet } from "../../src/tuf/trustedSet.ts";
import type { Report } from "../../src/update/update.ts";
import {
  type Agent,
  type ComponentName,
  type Publication,
  payload,
  readTree,
  runUpdate,
  sha256,
} from "../support/world.ts";
import type { Job } from "./child.ts";
import type { FsCall } from "./fsTap.ts";

/** A folder of files, by relative path. */
export type Tree = Record<string, Buffer>;

/** Whether every case is asked for (`npm run crash`), and not only as many as CI has time for. */
export const ALL = process.env.CRASH === "all";

/** Thousands of processes, two at a time. */
export const PATIENCE = { timeout: ALL ? 3_600_000 : 600_000 };

/** A folder in memory, where there is one with room: what a kill leaves does not depend on the disk. */
export function inMemory(): string {
  try {
    const { bavail, bsize } = statfsSync("/dev/shm");
    return bavail * bsize > 2 ** 30 ? "/dev/shm" : tmpdir();
  } catch {
    return tmpdir();
  }
}

/** The end of a child. */
export interface Ending {
  killed: boolean;
  output: string;
}

/** The client that is to be killed; see `bundle`. */
export const CHILD = path.join(import.meta.dirname, "child.ts");

/** Runs the child to its end, or kills it `afterMs`. */
export async function runChild(child: string, job: Job | Job[], afterMs?: number): Promise<Ending> {
  return await runNode([process.execPath, "--v8-pool-size=0", child, JSON.stringify(job)], child, afterMs);
}

/** Runs `command`, which runs the child. */
export async function runNode(command: string[], child: string, afterMs?: number): Promise<Ending> {
  const [program = "", ...parameters] = command;
  const running = spawn(program, parameters, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_COMPILE_CACHE: path.join(path.dirname(child), "compiled") },
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
  return { killed: signal === "SIGKILL", output: output.trim() };
}

/** A copy of an endpoint as it stands, under its own folder. */
export async function copyAgent(agent: Agent, folder: string): Promise<Agent> {
  // With its hard links, which fs.cp would make files of their own.
  await promisify(execFile)("cp", ["-a", agent.folder, folder]);
  return agentIn(folder);
}

/** An endpoint in a folder that came about otherwise. */
export function agentIn(folder: string): Agent {
  return { folder, dataDir: path.join(folder, "data"), configFile: path.join(folder, "config.json") };
}

/** The calls of one whole run, in the order they were made; the agent itself stays as it is. */
export async function traceOf(child: string, agent: Agent, action: Job["action"]): Promise<FsCall[]> {
  const traceFile = `${agent.folder}.trace`;
  // The calls name the agent's own folder, so the run is made there, and undone.
  await copyAgent(agent, `${agent.folder}-before`);
  const { killed, output } = await runChild(child, { action, configFile: agent.configFile, traceFile });
  expect(killed, output).toBe(false);
  await fs.rm(agent.folder, { recursive: true, force: true });
  await fs.rename(`${agent.folder}-before`, agent.folder);
  const lines = (await fs.readFile(traceFile, "utf8")).split("\n");
  await fs.rm(traceFile);
  return lines.map((line) => {
    const call = JSON.parse(line);
    return "data" in call ? { ...call, data: Buffer.from(call.data, "base64") } : call;
  });
}

/** The installed files of a publication, as they stand below `current/components`. */
export function treeOf(components: Record<string, Record<string, Buffer>>): Tree {
  const tree: Tree = {};
  for (const [name, files] of Object.entries(components)) {
    for (const [file, bytes] of Object.entries(files)) tree[`${name}/${file}`] = bytes;
  }
  return tree;
}

const trees = new Map<string, Tree>();

/** The installed files of these components in a publication. */
export function published(publication: Publication, names: readonly ComponentName[]): Tree {
  const key = `${publication} ${names.join(" ")}`;
  const made =
    trees.get(key) ?? treeOf(Object.fromEntries(names.map((name) => [name, payload(publication, name)])));
  trees.set(key, made);
  return made;
}

function sameTree(one: Tree, other: Tree): boolean {
  const names = Object.keys(one);
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => other[name]?.equals(one[name] as Buffer) === true)
  );
}

/** `current` is one of the allowed sets, whole. */
export async function expectSet(agent: Agent, allowed: Tree[], when: string): Promise<void> {
  const installed = await readTree(path.join(agent.dataDir, "current", "components"));
  expect(
    allowed.some((tree) => sameTree(tree, installed)),
    `${when}: current is one complete set, not a mix (${Object.keys(installed).join(", ") || "nothing"})`,
  ).toBe(true);
}

/** The same, and what is remembered beside it can be read. */
export async function expectWhole(agent: Agent, allowed: Tree[], when: string): Promise<void> {
  await expectSet(agent, allowed, when);
  await expectReadable(agent, when);
}

/** State and trusted metadata are there as they were last written, or not there yet: never torn. */
async function expectReadable(agent: Agent, when: string): Promise<void> {
  const dirs = dataDirAt(agent.dataDir);
  const state = await fs.readFile(path.join(dirs.root, "state.json"), "utf8").catch(() => undefined);
  if (state !== undefined)
    expect(JSON.parse(state).agentId, `${when}: the state parses`).toBeTypeOf("string");
  const trusted = await readTrustedSet(dirs, "content").catch(() => undefined);
  if (trusted === undefined) return;
  const roles = [...trusted.files.keys()].sort();
  if (roles.length === 1) return expect(roles, `${when}: trust begins with a root`).toEqual(["root.json"]);
  expect(roles, `${when}: the trusted set is complete`).toEqual(TRUSTED_FILES);
  for (const [name, role] of [
    ["timestamp.json", "snapshot.json"],
    ["snapshot.json", "targets.json"],
    ["snapshot.json", "components.json"],
  ] as const) {
    const [above, below] = [name, role].map((file) => JSON.parse(String(trusted.files.get(file))).signed);
    expect(below.version, `${when}: ${role} is the one that ${name} names`).toBe(above.meta[role].version);
  }
}

const TRUSTED_FILES = ["components.json", "root.json", "snapshot.json", "targets.json", "timestamp.json"];

/** After success was reported: nothing of what was installed, trusted or remembered may be lost. */
export async function expectNothingLost(
  agent: Agent,
  newest: Tree,
  www: string,
  when: string,
): Promise<void> {
  await expectWhole(agent, [newest], when);
  const dirs = dataDirAt(agent.dataDir);
  const trusted = await readTrustedSet(dirs, "content");
  const published = await fs.readFile(path.join(www, "content/metadata/timestamp.json"));
  expect(trusted?.files.get("timestamp.json"), `${when}: the trusted metadata is the newest`).toEqual(
    published,
  );
  const { lastRun } = await readState(dirs);
  expect(lastRun?.report.generation, `${when}: the state is of this run`).toBe(await currentNumber(dirs));
}

/** The next run brings the newest set, and leaves nothing that is not needed. */
export async function expectHealed(agent: Agent, newest: Tree, when: string): Promise<Report> {
  const { report } = await runUpdate(agent);
  expect(["updated", "current"], `${when}: the next run ends well`).toContain(report.outcome);
  await expectWhole(agent, [newest], `${when}, after the next run`);
  await expectNoOrphans(agent, when);
  return report;
}

/** Bytes of `tree` that are on no disk of ours: neither in the store nor in a partial file. */
export async function missingBytes(agent: Agent, tree: Tree): Promise<number> {
  const dirs = dataDirAt(agent.dataDir);
  let missing = 0;
  for (const bytes of Object.values(tree)) {
    const object = { sha256: hashOf(bytes), length: bytes.length };
    if (!(await inStore(dirs, object))) missing += bytes.length - (await partialLength(dirs, object));
  }
  return missing;
}

const hashes = new WeakMap<Buffer, string>();

function hashOf(bytes: Buffer): string {
  const known = hashes.get(bytes) ?? sha256(bytes);
  hashes.set(bytes, known);
  return known;
}

/** Nothing in the data directory that the kept generations do not need. */
export async function expectNoOrphans(agent: Agent, when: string): Promise<void> {
  const dirs = dataDirAt(agent.dataDir);
  for (const folder of [dirs.tmp, dirs.partial]) {
    expect(await fs.readdir(folder), `${when}: ${path.basename(folder)} is swept`).toEqual([]);
  }
  const ours = ["current", "generations", "lock", "metadata", "partial", "state.json", "store", "tmp"];
  const markers = [MARKER, "confirmed", "identity.json", "state.json.damaged"];
  const names = (await fs.readdir(agent.dataDir)).filter((name) => !markers.includes(name));
  expect(names.sort(), `${when}: nothing stands beside it`).toEqual(ours);
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
