import type { ChildProcess } from "node:child_process";
import type { Config } from "../config/configSchema.ts";
import { startOwn } from "../config/ownProcess.ts";

import type { Repository } from "../core/content/layout.ts";
import type { Report } from "../core/report.ts";
import type { Trigger } from "../core/settings/schedule.ts";
import { type ErrorCode, NearsourceError } from "../errors.ts";
import type { Instructions } from "./instructions.ts";

/** The end of a run in a process of its own: a report, or an error that no source could mend. */
export type RunEnd = { report: Report } | { failure: Failure };

export interface Failure {
  code: ErrorCode;
  message: string;
  hint?: string | undefined;
}

/**
 * The request for a run, as the first line on its stdin; without a trigger, it only reads the instructions.
 */
export interface RunRequest {
  config: Config;
  trigger?: Trigger;
  /** Versions of timestamps that verified notifications spoke of. */
  told?: Partial<Record<Repository, number>>;
  /** Level of its messages on stderr. */
  level: Config["log"]["level"];
}

/** A message of a process to the resident agent on stdout, one JSON document a line. */
export type Line =
  | { type: "waiting"; message: string }
  | { type: "orders"; orders: Instructions }
  | { type: "report"; report: Report }
  | { type: "failure"; failure: Failure };

/** The field that a line of each type must have. */
const CONTENT = { waiting: "message", orders: "orders", report: "report", failure: "failure" } as const;

/** The receiver of a process's messages beside its end. */
export interface RunListener {
  /** Called with the holder of the data directory, in words for people. */
  onWaiting(message: string): void;
  /** A line of its stdout that is none of the above: a debugger's, a preloaded module's. */
  onOther(text: string): void;
}

/** A longer line (characters) of a process is dropped. */
const LONGEST_LINE = 8_388_608;

/** Time (ms) that a run has to stop by itself, and keep its fetched bytes, before it is killed. */
const GRACE = 3_000;

/**
 * One update run in a process of its own, so that its memory goes with it: a process that stays would keep 40
 * MB of it for ever. It waits while another run holds the data directory.
 *
 * @param signal stops the run; bytes that it has fetched are kept
 * @returns its end, and the instructions by the settings that it left
 */
export async function runInProcess(
  request: RunRequest,
  signal: AbortSignal,
  listener: RunListener,
): Promise<{ end: RunEnd; instructions: Instructions | undefined }> {
  const child = startOwn(["run-for-agent"]);
  child.stdin?.on("error", () => {}).write(`${JSON.stringify(request)}\n`);
  // The run stops when its stdin ends: on every system, and also when this process is killed.
  let killer: NodeJS.Timeout | undefined;
  const stop = () => {
    child.stdin?.end();
    killer = setTimeout(() => child.kill("SIGKILL"), GRACE);
  };
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  let end: RunEnd | undefined;
  let instructions: Instructions | undefined;
  const ending = await readLines(
    child,
    (line) => {
      if (line.type === "waiting") listener.onWaiting(line.message);
      else if (line.type === "orders") instructions = line.orders;
      else end = line.type === "report" ? { report: line.report } : { failure: line.failure };
    },
    listener.onOther,
  );
  clearTimeout(killer);
  signal.removeEventListener("abort", stop);
  return { end: end ?? { failure: withoutEnd(ending, signal.aborted) }, instructions };
}

function withoutEnd(ending: string, stopped: boolean): Failure {
  if (stopped) return { code: "INTERRUPTED", message: "the run was stopped" };
  return { code: "UNEXPECTED", message: `the run ended without a report (${ending})` };
}

/**
 * Reads the configuration and the settings in another process.
 *
 * @throws NearsourceError the faults that process found
 */
export async function instructionsInProcess(configFile: string): Promise<Instructions> {
  const child = startOwn(["agent", "--orders", "--config", configFile]);
  child.stdin?.end();
  return await instructionsFrom(child);
}

async function instructionsFrom(child: ChildProcess): Promise<Instructions> {
  let instructions: Instructions | undefined;
  let failure: Failure | undefined;
  const ending = await readLines(child, (line) => {
    if (line.type === "orders") instructions = line.orders;
    else if (line.type === "failure") failure = line.failure;
  });
  if (instructions !== undefined) return instructions;
  const { code, message, hint } = failure ?? {
    code: "UNEXPECTED",
    message: `no configuration was read (${ending})`,
  };
  throw new NearsourceError(code, message, hint === undefined ? {} : { hint });
}

/**
 * The same by a configuration that has been read, whether or not its file has changed since.
 *
 * @throws NearsourceError the faults that process found
 */
export async function instructionsByInProcess(config: Config): Promise<Instructions> {
  const child = startOwn(["run-for-agent"]);
  const request: RunRequest = { config, level: "error" };
  child.stdin?.on("error", () => {}).end(`${JSON.stringify(request)}\n`);
  return await instructionsFrom(child);
}

/** Reads the lines of a process to its end, and returns how it ended. */
async function readLines(
  child: ChildProcess,
  onLine: (line: Line) => void,
  onOther: (text: string) => void = () => {},
): Promise<string> {
  let rest = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > LONGEST_LINE) rest = "";
    for (const text of lines) {
      const line = readLine(text);
      if (line !== undefined) onLine(line);
      else if (text.trim() !== "") onOther(text.slice(0, 200));
    }
  });
  return await new Promise((done) => {
    child.on("close", (code, signal) => done(signal === null ? `exit code ${code}` : signal));
    child.on("error", (error) => done(error.message));
  });
}

/** A line as one of ours; undefined for other output on the stdout of a process. */
function readLine(text: string): Line | undefined {
  try {
    const line = JSON.parse(text);
    const content = line[CONTENT[line.type as Line["type"]]];
    return content === undefined || content === null ? undefined : line;
  } catch {
    return undefined;
  }
}
