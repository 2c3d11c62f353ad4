import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import path from "node:path";
import { expect } from "vitest";
import { COMPILED, PROGRAM } from "../support/program.ts";
import { startSource } from "../support/source.ts";
import {
  type Agent,
  type AgentOptions,
  makeAgent,
  makeWorld,
  type Publication,
  type World,
  writeJson,
} from "../support/world.ts";

/** The end of a command. */
export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** A command under way. */
export interface Running {
  process: ChildProcess;
  ended: Promise<Ended>;
}

/**
 * Starts the real program with these arguments.
 *
 * @param streams descriptors in place of its stdout and stderr, of which nothing is read then
 * @param program its file
 */
export function start(
  args: string[],
  env: Record<string, string> = {},
  streams: { stdout?: number; stderr?: number } = {},
  program = PROGRAM,
): Running {
  const { PATH = "", HOME = "", TMPDIR = "" } = process.env;
  const own = { PATH, HOME, NO_COLOR: "1", ...COMPILED, ...(TMPDIR === "" ? {} : { TMPDIR }), ...env };
  const { stdout: out = "pipe", stderr: err = "pipe" } = streams;
  const child = spawn(process.execPath, [program, ...args], { env: own, stdio: ["ignore", out, err] });
  const text = (stream: NodeJS.ReadableStream | null) => {
    let all = "";
    stream?.setEncoding("utf8").on("data", (piece: string) => {
      all += piece;
    });
    return () => all;
  };
  const [stdout, stderr] = [text(child.stdout), text(child.stderr)];
  const ended = once(child, "close").then(([code]) => ({ code, stdout: stdout(), stderr: stderr() }));
  return { process: child, ended };
}

/** Runs the real program to its end. */
export function nearsource(...args: string[]): Promise<Ended> {
  return start(args).ended;
}

/** Runs a command for `agent`. */
export function on(agent: Agent, ...args: string[]): Promise<Ended> {
  return nearsource(...args, "--config", agent.configFile);
}

/** A world with an honest source of each publication, which nobody changes. */
export interface Stage {
  world: World;
  urlOf: (publication: Publication) => string;
  /** An agent whose only source is that of a publication. */
  agentOf: (publication: Publication, options?: Partial<AgentOptions>) => Promise<Agent>;
  /** Lets an agent's only source be that of another publication. */
  turnTo: (agent: Agent, publication: Publication) => Promise<void>;
  close: () => Promise<void>;
}

export async function openStage(): Promise<Stage> {
  const world = await makeWorld();
  const honest = await Promise.all(([1, 2, 3] as const).map((each) => startSource(world.www(each))));
  const urlOf = (publication: Publication) => honest[publication - 1]?.url ?? "";
  return {
    world,
    urlOf,
    agentOf: (publication, options = {}) =>
      makeAgent(world, { sources: { good: urlOf(publication) }, ...options }),
    turnTo: async (agent, publication) => {
      const entries = [{ range: "127.0.0.0/8", name: "good", url: urlOf(publication) }];
      const list = { version: 2, entries, serverFallback: { enabled: false } };
      await writeJson(path.join(agent.folder, "list.json"), list);
    },
    close: async () => {
      await Promise.all(honest.map((source) => source.close()));
      await world.remove();
    },
  };
}

export async function changeConfig(agent: Agent, change: object): Promise<void> {
  const config = JSON.parse(await fs.readFile(agent.configFile, "utf8"));
  await writeJson(agent.configFile, { ...config, ...change });
}

/** The one JSON document that stdout must be. */
export function json<Document = Record<string, unknown>>({ stdout }: Ended): Document {
  expect(stdout.endsWith("}\n")).toBe(true);
  return JSON.parse(stdout);
}

/** Errors alone, the first line with its prefix, and no stack. */
export function expectError({ stderr, stdout }: Ended, message: string | RegExp): void {
  expect(stdout).toBe("");
  expect(stderr).toMatch(message);
  expect(stderr).toMatch(/^nearsource: [^A-Z]/);
  expect(stderr).not.toMatch(/\n {4}at /);
}
