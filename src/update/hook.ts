import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { NearsourceError, onOneLine } from "../errors.ts";
import type { Run } from "./run.ts";

/** A hook that takes longer (ms) than this is taken to have failed. */
const TIMEOUT = 300_000;
/** Time (ms) that a hook that is stopped has to end by itself; less than a resident agent leaves its run. */
const GRACE = 2_000;
/**
 * Time (ms) after a hook's end in which its output is still read; a process that it left behind may hold it
 * open for ever.
 */
const LAST_WORDS = 200;
/** Most of its output that is read: so many lines, and so many characters of each. The rest is dropped. */
const MOST_LINES = 1_000;
const MOST_CHARACTERS = 1_000;

/** The hint for people after a hook has refused a set. */
export const HOOK_HINT =
  "the previous set is back, and the new one is held until a newer release appears; where the hook was at fault, mend it and let it come again: nearsource hold lift";

interface HookEnd {
  /** Undefined when it was ended by a signal, or never began. */
  code?: number | undefined;
  /** Description of the end, for people, if the exit code was not 0. */
  how: string;
  /** The last line on its stderr. */
  lastWords: string;
}

/**
 * Runs `hooks.afterUpdate` after a switch, without a shell, with `NEARSOURCE_CURRENT` and
 * `NEARSOURCE_GENERATION` in its environment. Only its exit code at the moment of its exit counts: neither
 * its output nor the processes it leaves behind. An interruption of the run reaches it and all of its process
 * group.
 *
 * @returns undefined when it succeeded or none is configured, else HOOK_FAILED, or INTERRUPTED
 */
export async function runHook(
  {
    config,
    dirs,
    log,
    signal,
    emit,
  }: Pick<Run, "config" | "dirs" | "log" | "signal"> & Partial<Pick<Run, "emit">>,
  generation: number,
): Promise<NearsourceError | undefined> {
  const [program, ...parameters] = config.hooks.afterUpdate ?? [];
  if (program === undefined) return undefined;
  emit?.({ type: "hook", program });
  const env = {
    ...process.env,
    NEARSOURCE_CURRENT: path.join(dirs.root, "current"),
    NEARSOURCE_GENERATION: String(generation),
  };
  const onLine = limitedTo((line) => log.debug(`hook: ${onOneLine(line)}`));
  const { code, how, lastWords } = await runToItsEnd([program, ...parameters], {
    ...{ env, cwd: dirs.root, onLine },
    signal: AbortSignal.any([AbortSignal.timeout(TIMEOUT), ...(signal === undefined ? [] : [signal])]),
  });
  if (code === 0) return undefined;
  if (signal?.aborted) return new NearsourceError("INTERRUPTED", `interrupted while the hook ${program} ran`);
  const said = lastWords === "" ? "" : `: ${lastWords.slice(0, 200)}`;
  return new NearsourceError("HOOK_FAILED", `the hook ${program} ${how}${said}`, {
    hint: HOOK_HINT,
  });
}

/** Passes lines on, up to the limit. */
function limitedTo(say: (line: string) => void): (line: string) => void {
  let lines = 0;
  return (line) => {
    if (line.trim() === "") return;
    lines++;
    if (lines <= MOST_LINES) say(line);
    else if (lines === MOST_LINES + 1) say("(it said more, which is left out)");
  };
}

async function runToItsEnd(
  [program = "", ...parameters]: string[],
  options: {
    env: NodeJS.ProcessEnv;
    cwd: string;
    signal: AbortSignal;
    onLine: (line: string) => void;
  },
): Promise<HookEnd> {
  const { env, cwd, signal, onLine } = options;
  let child: ChildProcess;
  try {
    const detached = process.platform !== "win32";
    child = spawn(program, parameters, { env, cwd, detached, stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    return { how: whyNotRun(error as NodeJS.ErrnoException), lastWords: "" };
  }
  let lastWords = "";
  const rests = [
    eachLine(child.stdout, onLine),
    eachLine(child.stderr, (line) => {
      onLine(line);
      if (line.trim() !== "") lastWords = line.trim();
    }),
  ];
  const closed = new AbortController();
  child.once("close", () => closed.abort());
  const end = await untilExit(child, signal);
  await sleep(LAST_WORDS, undefined, { signal: closed.signal }).catch(() => {});
  for (const rest of rests) rest();
  return { ...end, lastWords };
}

function whyNotRun({ code = "" }: NodeJS.ErrnoException): string {
  const words: Record<string, string> = {
    ENOENT: "there is no such program, or none that its first line names",
    EACCES: "this account may not execute it",
    ENOEXEC: "the system knows no program of that form",
  };
  return `did not run: ${words[code] ?? "the system refused"} (${code})`;
}

/** Waits for its exit, and stops it when `signal` says so. */
async function untilExit(child: ChildProcess, signal: AbortSignal): Promise<Omit<HookEnd, "lastWords">> {
  let stopped: Promise<void> | undefined;
  const exited = new Promise<Omit<HookEnd, "lastWords">>((done) => {
    child.once("error", (error: NodeJS.ErrnoException) => done({ how: whyNotRun(error) }));
    child.once("exit", (code, by) => {
      if (code !== null) done({ code, how: `ended with ${code}` });
      else
        done({ how: stopped === undefined ? `was ended by ${by}` : "did not end in time, and was stopped" });
    });
  });
  const stop = () => {
    stopped ??= stopGroup(child);
  };
  signal.addEventListener("abort", stop, { once: true });
  if (signal.aborted) stop();
  const end = await exited;
  signal.removeEventListener("abort", stop);
  await stopped;
  return end;
}

/** Asks a hook and all that it began to end, and makes them. */
async function stopGroup(child: ChildProcess): Promise<void> {
  if (!signalGroup(child, "SIGTERM")) return;
  const patience = AbortSignal.timeout(GRACE);
  while (!patience.aborted && signalGroup(child, 0)) await sleep(20);
  signalGroup(child, "SIGKILL");
}

/** Whether there was a process to signal. */
function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  if (pid === undefined) return false;
  try {
    return process.kill(process.platform === "win32" ? pid : -pid, signal);
  } catch {
    return false;
  }
}

/** Calls `say` for each line. The result returns the last one, without its end, and stops reading. */
function eachLine(stream: Readable | null, say: (line: string) => void): () => void {
  let rest = "";
  stream?.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = (lines.pop() ?? "").slice(0, MOST_CHARACTERS);
    for (const line of lines) say(line.slice(0, MOST_CHARACTERS));
  });
  return () => {
    stream?.destroy();
    say(rest);
  };
}
