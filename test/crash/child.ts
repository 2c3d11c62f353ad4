/**
 * The client, to be killed: makes one change of the installed set, and dies by SIGKILL at the n-th call
 * that changes the disk; or lives, and writes down every such call.
 *
 * Arguments: the job as JSON, or several jobs of which none kills, done one after the other. The tap must be in place before the product is loaded.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { type FsCall, tapFileSystem } from "./fsTap.ts";

/** The work of the child. */
export interface Job {
  action: "update" | "rollback" | "repair";
  configFile: string;
  /** The call at which to die, counted from 1. */
  killAt?: number;
  /** The mount point of a file system that is shut down at that call, as by a loss of power. */
  shutDown?: string;
  /** The call that fails, counted from 1, and the system's code with which it does. */
  failAt?: number;
  failWith?: string;
  /** Path of the trace of calls, one JSON line each, with data as base64. */
  traceFile?: string;
  /** The account to be, instead of the one that started this. */
  uid?: number;
}

const jobs: Job[] = [JSON.parse(process.argv[2] ?? "{}")].flat();
const keepTrace = writeFileSync;
let job = jobs[0] as Job;
let calls: FsCall[] = [];

/** The progress of a run is written by the clock, and only where it takes long: such calls have no number of their own. */
const isByClock = ({ path: place }: FsCall) => path.basename(place).startsWith("progress.json");

tapFileSystem((call) => {
  if (isByClock(call)) return;
  calls.push(call);
  if (calls.length === job.killAt) die();
  if (calls.length !== job.failAt) return;
  const code = job.failWith ?? "EIO";
  throw Object.assign(new Error(`${code}: injected, ${call.op} '${call.path}'`), { code, syscall: call.op });
});

/** FS_IOC_SHUTDOWN (the kernel's fs.h), without writing the journal out: what was not synced is lost. */
const SHUT_DOWN = `open(my $d, "<", $ARGV[0]) or die $!;
  my $flags = pack("L", 2);
  ioctl($d, 0x8004587d, $flags) or die $!`;

function die(): void {
  if (job.shutDown !== undefined) execFileSync("perl", ["-e", SHUT_DOWN, job.shutDown]);
  process.kill(process.pid, "SIGKILL");
}

// Not awaited at the top, which CommonJS does not have: in that form it starts in half of the time.
void doAll().then(writeTrace);

async function doAll(): Promise<void> {
  for (job of jobs) {
    calls = [];
    if (job.uid !== undefined) process.setuid?.(job.uid);
    process.stdout.write(`${await ending()}\n`);
    // Success was reported: a loss of power from here on may take nothing back.
    if (job.killAt === calls.length + 1) die();
  }
}

async function ending(): Promise<string> {
  try {
    return `${await work()} ${calls.length}`;
  } catch (error) {
    const { NearsourceError } = await import("../../src/errors.ts");
    if (!(error instanceof NearsourceError)) throw error;
    return `${error.phase} ${error.code} ${error.message}`;
  }
}

async function work(): Promise<string> {
  if (job.action === "update") {
    const { update } = await import("../../src/update/update.ts");
    return (await update({ config: job.configFile })).outcome;
  }
  if (job.action === "repair") {
    const { verifyCommand } = await import("../../src/cli/verifyCommand.ts");
    // The output about the damage is no part of the ending.
    const { write } = process.stdout;
    process.stdout.write = () => true;
    const ended = await verifyCommand({ config: job.configFile, repair: true, quiet: true }).finally(() => {
      process.stdout.write = write;
    });
    return `exit ${ended}`;
  }
  const { rollback } = await import("../../src/update/repair/rollback.ts");
  const { readConfig } = await import("../../src/config/config.ts");
  const { SILENT } = await import("../../src/config/log.ts");
  await rollback(await readConfig(job.configFile, process.env), SILENT);
  return "updated";
}

/** The calls of the last job. */
function writeTrace(): void {
  if (job.traceFile !== undefined) {
    const lines = calls.map((call) =>
      JSON.stringify("data" in call ? { ...call, data: call.data.toString("base64") } : call),
    );
    keepTrace(job.traceFile, lines.join("\n"));
  }
}
