import { createHash, randomBytes } from "node:crypto";
import { promises as fs } from "node:fs";
import path from "node:path";
import { addRelease } from "../src/publisher/addRelease.ts";
import { initRepository } from "../src/publisher/init.ts";
import { costOf } from "./measure.ts";
import type { Bench } from "./outcome.ts";

/** A file of bytes without any pattern, and its SHA-256. */
export async function writeNoise(file: string, length: number): Promise<string> {
  const hash = createHash("sha256");
  const handle = await fs.open(file, "w");
  for (let left = length; left > 0; left -= 16_777_216) {
    const piece = randomBytes(Math.min(left, 16_777_216));
    hash.update(piece);
    await handle.write(piece);
  }
  await handle.close();
  return hash.digest("hex");
}

/** Publishes one file as the component `name` of a new repository below `www`. */
export async function publishOne(www: string, name: string, file: string): Promise<void> {
  await initRepository({ dir: www, repository: "content" });
  await addRelease({ dir: www, kind: "components", name, version: "1", path: file });
}

/** URL of an object below a source's base URL. */
export function objectUrl(url: string, sha256: string): string {
  return `${url}/content/objects/${sha256.slice(0, 2)}/${sha256}`;
}

/** An agent with a local source list of these sources; `root` is the content repository's. */
export interface AgentOptions {
  sources: string[];
  root: string;
  /** Laid over the configuration. */
  config?: Record<string, unknown>;
}

export interface Agent {
  config: string;
  dataDir: string;
  /** The command line of the built program with this agent's configuration. */
  nearsource: (...words: string[]) => string[];
}

/** Writes an agent's configuration below `bench.work`. */
export async function writeAgent(bench: Bench, name: string, options: AgentOptions): Promise<Agent> {
  const { sources, root, config: own = {} } = options;
  const folder = path.join(bench.work, name);
  await fs.mkdir(folder, { recursive: true });
  const entries = sources.map((url) => ({ range: "127.0.0.1", name: "source", url }));
  await fs.writeFile(path.join(folder, "list.json"), JSON.stringify({ entries }));
  const config = path.join(folder, "config.json");
  const written = {
    dataDir: "data",
    kinds: ["components"],
    addresses: ["127.0.0.1"],
    roots: { content: path.join(root, "content/metadata/1.root.json") },
    sourceList: "list.json",
    http: { proxy: "none" },
    ...own,
  };
  await fs.writeFile(config, JSON.stringify(written));
  return {
    config,
    dataDir: path.join(folder, "data"),
    nearsource: (...words) => [process.execPath, bench.main, ...words, "--config", config],
  };
}

/** Runs the agent's `update` once, outside the measured part. */
export async function updateOnce(bench: Bench, agent: Agent): Promise<void> {
  await costOf(agent.nearsource("update"), bench.work);
}

/** The least that a Node process takes: one that runs an empty script. */
export async function emptyScript(bench: Bench): Promise<string[]> {
  const file = path.join(bench.work, "empty.cjs");
  await fs.writeFile(file, "");
  return [process.execPath, file];
}

export const EMPTY = "an empty Node process";
