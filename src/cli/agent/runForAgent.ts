import { createInterface } from "node:readline";
import { type Instructions, instructionsBy } from "../../agent/instructions.ts";
import type { Line, RunRequest } from "../../agent/runProcess.ts";
import { openRunLog } from "../../config/runLog.ts";
import { outcomeWord } from "../../core/report.ts";
import { explainError, NearsourceError, toNearsourceError } from "../../errors.ts";
import { collectSpentBuffers } from "../../http/spentBuffers.ts";
import { update } from "../../update/update.ts";
import { exitCodeOf } from "../terminal/exitCode.ts";
import { onSignals } from "../terminal/running.ts";

/**
 * One run on behalf of the resident agent, as the first line of stdin asks for it. It stops when stdin
 * ends, which also happens when that agent is killed.
 *
 * @returns the exit code
 */
export async function runForAgent(): Promise<number> {
  const { request, ended } = await readRequest();
  const { config, trigger, told, level } = request;
  if (trigger === undefined) return await sendInstructions(() => instructionsBy(config));
  collectSpentBuffers();
  const interruption = onSignals();
  const log = openRunLog(config.log, level);
  try {
    const report = await update({
      config,
      wait: true,
      trigger,
      told,
      signal: AbortSignal.any([interruption.signal, ended]),
      log,
      onEvent: (event) => event.type === "waiting" && send(event),
    });
    log.info(`ended: ${outcomeWord(report)}`, { report });
    send({ type: "report", report });
    await instructionsBy(config).then(
      (instructions) => send({ type: "orders", orders: instructions }),
      (error) => log.error(`the settings stay as they were: ${explainError(error)}`),
    );
    return report.exitCode;
  } catch (error) {
    return sendFailure(error);
  } finally {
    interruption.end();
    process.stdin.destroy();
    await log.close();
  }
}

/** `nearsource agent --orders`: sends the instructions that the resident agent follows. */
export async function sendInstructions(read: () => Promise<Instructions>): Promise<number> {
  try {
    send({ type: "orders", orders: await read() });
    return 0;
  } catch (error) {
    return sendFailure(error);
  }
}

function send(line: Line): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function sendFailure(error: unknown): number {
  const failure = toNearsourceError(error);
  const { code, hint } = failure;
  send({ type: "failure", failure: { code, message: explainError(error), hint } });
  return exitCodeOf(failure);
}

/** The request, and a signal that aborts when nobody waits for the run any more. */
async function readRequest(): Promise<{ request: RunRequest; ended: AbortSignal }> {
  // The reader of the messages may be gone by then.
  process.stdout.on("error", () => {});
  const ended = new AbortController();
  const lines = createInterface({ input: process.stdin });
  const line = await new Promise<string>((read, fail) => {
    const end = () => {
      const gone = new NearsourceError("INTERRUPTED", "the agent stopped this run", {
        hint: "what was fetched is kept: the next run goes on where this one stopped",
      });
      ended.abort(gone);
      fail(gone);
    };
    lines.once("line", read).once("close", end);
    process.stdin.once("error", end);
  });
  return { request: parseRequest(line), ended: ended.signal };
}

/** The request of an agent, which is this same program. */
function parseRequest(line: string): RunRequest {
  try {
    const request: RunRequest = JSON.parse(line);
    if (typeof request?.config?.dataDir === "string") return request;
  } catch {
    // Reported below.
  }
  process.stdin.destroy();
  throw new NearsourceError("USAGE", "the first line of stdin is no run that an agent asks for", {
    hint: "nearsource update runs an update",
  });
}
