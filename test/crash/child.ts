/**
 * The client, to be killed: makes one change of the installed set, and dies by SIGKILL at the n-th call
 * that changes the disk; or lives, and writes down every such call.
 *
 * Arguments: the job as JSON. The tap must be in place before the product is loaded.
 */
import { writeFileSync } from "node:fs";
import { type FsCall, tapFileSystem } from "./fsTap.ts";

/** What the child is to do. */
export interface Job {
  action: "update" | "rollback";
  configFile: string;
  /** The call at which to die, counted from 1. */
  killAt?: number;
  /** The call that fails, counted from 1, and the system's code with which it does. */
  failAt?: number;
  failWith?: string;
  /** Where the calls are written to, one JSON line each, with data as base64. */
  traceFile?: string;
}

const job: Job = JSON.parse(process.argv[2] ?? "{}");
const keepTrace = writeFileSync;
const calls: FsCall[] = [];

tapFileSystem((call) => {
  calls.push(call);
  if (calls.length === job.killAt) process.kill(process.pid, "SIGKILL");
  if (calls.length !== job.failAt) return;
  const code = job.failWith ?? "EIO";
  throw Object.assign(new Error(`${code}: injected, ${call.op} '${call.path}'`), { code, syscall: call.op });
});

if (job.action === "update") {
  const { NearsourceError, update } = await import("../../src/agent/update.ts");
  try {
    const report = await update({ config: job.configFile });
    process.stdout.write(`${report.outcome} ${calls.length}`);
  } catch (error) {
    if (!(error instanceof NearsourceError)) throw error;
    process.stdout.write(`${error.phase} ${error.code} ${error.message}`);
  }
} else {
  const { rollback } = await import("../../src/agent/rollback.ts");
  const { readConfig } = await import("../../src/io/config.ts");
  const { SILENT } = await import("../../src/io/log.ts");
  await rollback(await readConfig(job.configFile, process.env), SILENT);
  process.stdout.write(`updated ${calls.length}`);
}

if (job.traceFile !== undefined) {
  const lines = calls.map((call) =>
    JSON.stringify("data" in call ? { ...call, data: call.data.toString("base64") } : call),
  );
  keepTrace(job.traceFile, lines.join("\n"));
}
