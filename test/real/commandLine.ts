import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import type { Agent } from "../support/world.ts";

/** How a command ended. */
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

const MAIN = path.resolve("src/main.ts");

/** Starts the real program with these arguments. */
export function start(args: string[], env: Record<string, string> = {}): Running {
  const { PATH = "", HOME = "", TMPDIR = "" } = process.env;
  const own = { PATH, HOME, NO_COLOR: "1", ...(TMPDIR === "" ? {} : { TMPDIR }), ...env };
  const child = spawn(process.execPath, [MAIN, ...args], { env: own, stdio: ["ignore", "pipe", "pipe"] });
  const text = (stream: NodeJS.ReadableStream) => {
    let all = "";
    stream.setEncoding("utf8").on("data", (piece: string) => {
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
