import { createHash } from "node:crypto";
import { promises as fs } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, onTestFinished } from "vitest";
import type { Log } from "../../src/config/log.ts";
import { addRelease } from "../../src/publisher/addRelease.ts";
import { initRepository } from "../../src/publisher/init.ts";
import type { DataDir } from "../../src/store/dataDir.ts";
import { openDataDir } from "../../src/store/openDataDir.ts";
import { type Report, type UpdateOptions, update } from "../../src/update/update.ts";
import { startSource, type TestSource } from "./source.ts";

/** `rules` and `filters` are small; `pattern` is 9 MiB and a byte, so that it comes in three blocks. */
export type ComponentName = "rules" | "filters" | "pattern";
/** Publications are counted from 1, as their releases are. */
export type Publication = 1 | 2 | 3;

export interface WorldOptions {
  /** Whether `pattern` is published too; without it a world is made in no time. */
  large?: boolean;
  /** Whether `filters` is published too, so that several small components change together. */
  several?: boolean;
  /** The folder in which its folder is made; the system's place for temporary files by default. */
  within?: string;
  /** The files of a component in a publication, where they are not those of `payload`. */
  contents?: typeof payload;
  /** Deltas are made from so many earlier publications; none by default, as `payload` has nothing in common. */
  deltas?: number;
}

/** A signed repository in three publications, and everything that agents of it need. */
export interface World {
  folder: string;
  /** The web root as it was after a publication. */
  www: (publication: Publication) => string;
  /** The publisher's folder of keys. */
  keys: string;
  /** The root that ships with agents. */
  root: string;
  components: ComponentName[];
  /** Folders prepared once by an update from an honest source, which agents begin with a copy of. */
  seeds: Map<string, Promise<string>>;
  remove: () => Promise<void>;
}

/** Makes a world in a folder of its own. */
export async function makeWorld(options: WorldOptions = {}): Promise<World> {
  const { contents = payload, deltas = 0 } = options;
  const folder = await fs.mkdtemp(path.join(options.within ?? tmpdir(), "nearsource-world-"));
  const dir = path.join(folder, "www");
  const components: ComponentName[] = ["rules"];
  if (options.several) components.push("filters");
  if (options.large) components.push("pattern");
  await initRepository({ dir, repository: "content" });
  for (const publication of [1, 2, 3] as const) {
    for (const name of components) {
      await publish(dir, publication, name, contents(publication, name), deltas);
    }
    await fs.cp(dir, path.join(folder, `www-${publication}`), { recursive: true });
  }
  return {
    folder,
    www: (publication) => path.join(folder, `www-${publication}`),
    keys: path.join(folder, "www.keys", "content"),
    root: path.join(dir, "content", "metadata", "1.root.json"),
    components,
    seeds: new Map(),
    remove: () => fs.rm(folder, { recursive: true, force: true }),
  };
}

/** A world that all tests of a file share: made before the first of them, and gone after the last. */
export function sharedWorld(options?: WorldOptions): { readonly world: World } {
  let world: World | undefined;
  beforeAll(async () => {
    world = await makeWorld(options);
  });
  afterAll(() => world?.remove());
  return {
    get world() {
      if (world === undefined) throw new Error("the world of this file is not made yet");
      return world;
    },
  };
}

async function publish(
  dir: string,
  publication: Publication,
  name: ComponentName,
  files: Record<string, Buffer>,
  deltas: number,
): Promise<void> {
  const folder = path.join(dir, "..", "release", `${name}-${publication}`);
  for (const [file, bytes] of Object.entries(files)) {
    await fs.mkdir(path.dirname(path.join(folder, file)), { recursive: true });
    await fs.writeFile(path.join(folder, file), bytes);
  }
  await addRelease({ dir, kind: "components", name, version: `${publication}.0`, path: folder, deltas });
}

/** The files of a component in a publication; the same bytes each time. */
export function payload(publication: Publication, name: ComponentName): Record<string, Buffer> {
  const bytes = (file: string, length: number) => noise(`${name} ${publication} ${file}`, length);
  if (name === "pattern") return { "pattern.bin": bytes("pattern.bin", LARGE) };
  if (name === "filters") return { "filters.dat": bytes("filters.dat", 5_000) };
  return { "rules.dat": bytes("rules.dat", SMALL), "lists/extra.txt": bytes("lists/extra.txt", 300) };
}

/**
 * Files that change little from one publication to the next: `rules.txt`, for which the publisher makes
 * dcz deltas, and `engine.bin`, for which it makes bsdiff deltas. `same.dat` stays as it is.
 */
export function history(publication: Publication): Record<string, Buffer> {
  const lines = Array.from({ length: 3_000 }, (_, at) => {
    const revision = at % 500 === publication ? publication : 0;
    return `rule ${at} ${noise(`rule ${at} ${revision}`, 20).toString("hex")}\n`;
  });
  const engine = noise("engine", 120_000);
  // As a linker does, it moves everything a little: every eighth word is an address.
  for (let at = 0; at + 4 <= engine.length; at += 32)
    engine.writeUInt32LE(0x400_000 + at + publication * 96, at);
  return {
    "rules.txt": Buffer.from(lines.join("")),
    "engine.bin": Buffer.concat([engine, noise(`code ${publication}`, publication * 200)]),
    "same.dat": noise("same", 5_000),
  };
}

/** Bytes of `pattern/pattern.bin` and of `rules/rules.dat`. */
export const LARGE = 9 * 1_048_576 + 1;
export const SMALL = 65_536;

/** Bytes without any pattern that depend on nothing but `seed`. */
export function noise(seed: string, length: number): Buffer {
  return createHash("shake128", { outputLength: length }).update(seed).digest();
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** SHA-256 of the large file, or of the larger one of `rules`. */
export function objectOf(publication: Publication, name: ComponentName): string {
  const files = payload(publication, name);
  return sha256(files["pattern.bin"] ?? files["filters.dat"] ?? files["rules.dat"] ?? Buffer.alloc(0));
}

/** An endpoint: a folder with its configuration, list and root, and its data directory. */
export interface Agent {
  folder: string;
  dataDir: string;
  configFile: string;
}

export interface AgentOptions {
  /** Base URLs in the order of the source list, by name. */
  sources: Record<string, string>;
  /** Publication that is installed already; none by default. */
  installed?: Publication;
  /** The components that the agent keeps current; `rules` by default. */
  components?: ComponentName[];
  /** Laid over the configuration; `http` is laid over its own section. */
  config?: { http?: Record<string, unknown> } & Record<string, unknown>;
  root?: string;
}

/** Limits that no honest source meets, however busy this machine is. */
const PATIENT = { connectTimeout: 20_000, responseTimeout: 20_000, stallTimeout: 20_000, proxy: "none" };
/** Limits for cases that run into them. */
export const HASTY = { connectTimeout: 800, responseTimeout: 800, stallTimeout: 600 };

/** Makes an endpoint with a source list of its own. */
export async function makeAgent(world: World, options: AgentOptions): Promise<Agent> {
  const { sources, installed, components = ["rules"], config = {}, root = world.root } = options;
  const folder = await fs.mkdtemp(path.join(world.folder, "agent-"));
  const dataDir = path.join(folder, "data");
  if (installed !== undefined) {
    const seed = await seedOf(world, installed, components);
    await fs.cp(seed, dataDir, { recursive: true, verbatimSymlinks: true });
  }
  const entries = Object.entries(sources).map(([name, url]) => ({ range: "127.0.0.0/8", name, url }));
  await writeJson(path.join(folder, "list.json"), {
    version: 1,
    entries,
    serverFallback: { enabled: false },
  });
  await fs.copyFile(root, path.join(folder, "root.json"));
  const configFile = path.join(folder, "config.json");
  await writeJson(configFile, {
    dataDir: "data",
    roots: { content: "root.json" },
    sourceList: "list.json",
    kinds: ["components"],
    components,
    addresses: ["127.0.0.1"],
    ...config,
    http: { ...PATIENT, ...config.http },
  });
  return { folder, dataDir, configFile };
}

async function seedOf(world: World, publication: Publication, components: ComponentName[]): Promise<string> {
  const key = `${publication} ${components.join(" ")}`;
  const made = world.seeds.get(key) ?? makeSeed(world, publication, components);
  world.seeds.set(key, made);
  return await made;
}

async function makeSeed(world: World, publication: Publication, components: ComponentName[]) {
  const source = await startSource(world.www(publication));
  const agent = await makeAgent(world, { sources: { seed: source.url }, components });
  const { report } = await runUpdate(agent);
  await source.close();
  expect(report.outcome).toBe("updated");
  return agent.dataDir;
}

export async function writeJson(file: string, value: unknown): Promise<void> {
  await fs.writeFile(file, JSON.stringify(value, undefined, 2));
}

/** A log line of a run. */
export interface Line {
  level: keyof Log;
  message: string;
}

/** One real update run of `agent`, and its log. */
export async function runUpdate(
  agent: Agent,
  options: UpdateOptions = {},
): Promise<{ report: Report; lines: Line[] }> {
  const lines: Line[] = [];
  const write = (level: keyof Log) => (message: string) => lines.push({ level, message });
  const log: Log = { error: write("error"), warn: write("warn"), info: write("info"), debug: write("debug") };
  return { report: await update({ config: agent.configFile, log, ...options }), lines };
}

/** The installed files by `component/path`; empty when nothing is installed. */
export async function installedFiles(agent: Pick<Agent, "dataDir">): Promise<Record<string, Buffer>> {
  return await readTree(path.join(agent.dataDir, "current", "components"));
}

/** Every file below `folder` by relative path; none where there is no folder. */
export async function readTree(folder: string): Promise<Record<string, Buffer>> {
  const entries = await fs.readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files: Record<string, Buffer> = {};
  for (const entry of entries.filter((each) => each.isFile())) {
    const file = path.join(entry.parentPath, entry.name);
    files[path.relative(folder, file)] = await fs.readFile(file);
  }
  return files;
}

/** The installed set is `publication`, to the byte. */
export async function expectInstalled(
  agent: Agent,
  publication: Publication,
  components: ComponentName[] = ["rules"],
): Promise<void> {
  const expected: Record<string, Buffer> = {};
  for (const name of components) {
    for (const [file, bytes] of Object.entries(payload(publication, name)))
      expected[`${name}/${file}`] = bytes;
  }
  await expectFiles(agent, expected);
}

/** The installed files, by `component/path`, are these to the byte. */
export async function expectFiles(
  agent: Pick<Agent, "dataDir">,
  files: Record<string, Buffer>,
): Promise<void> {
  const expected = Object.fromEntries(Object.entries(files).map(([file, bytes]) => [file, sha256(bytes)]));
  const found = Object.entries(await installedFiles(agent)).map(([file, bytes]) => [file, sha256(bytes)]);
  expect(Object.fromEntries(found)).toEqual(expected);
}

/** Expects nothing new outside the data directory, and no litter inside. */
export async function expectTidy(agent: Agent): Promise<void> {
  expect((await fs.readdir(agent.folder)).sort()).toEqual(["config.json", "data", "list.json", "root.json"]);
  expect(await fs.readdir(path.join(agent.dataDir, "tmp"))).toEqual([]);
  expect(await fs.readdir(path.join(agent.dataDir, "partial"))).toEqual([]);
}

/**
 * A folder of this test's own, gone when it ends, with the keys of a web root that it may be; not for tests
 * that run concurrently.
 */
export async function newFolder(): Promise<string> {
  const folder = await fs.mkdtemp(path.join(tmpdir(), "nearsource-test-"));
  onTestFinished(async () => {
    for (const each of [folder, `${folder}.keys`]) await fs.rm(each, { recursive: true, force: true });
  });
  return folder;
}

/** An empty data directory of this test's own. */
export async function newDataDir(): Promise<DataDir> {
  return await openDataDir(path.join(await newFolder(), "data"));
}

/** Closes everything that a test opened, after success or failure. */
export async function closeAll(open: Pick<TestSource, "close">[]): Promise<void> {
  await Promise.all(open.splice(0).map((each) => each.close()));
}
