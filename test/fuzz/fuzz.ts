import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { explainError } from "../../src/errors.ts";
import { keepCrash } from "./corpus.ts";
import { TIME_LIMIT } from "./run.ts";
import { makeTargets } from "./targets.ts";
import type { Batch, Job } from "./worker.ts";

const USAGE = `usage: node test/fuzz/fuzz.ts [--seconds N] [--target NAME]... [--seed N]

Feeds every reader of what others write with made and altered inputs, for a minute or as long as told.
An input that breaks a promise is kept in fixtures/corpus/<target>/, and the exit code is 1.`;

/** Milliseconds without a new input after which one is taken to hang; making an input takes some time too. */
const HANG = 4 * TIME_LIMIT;
const LARGEST_INPUT = 1 << 22;
/** Milliseconds that a target gets before it is the next one's turn. */
const LONGEST_TURN = 1_000;

/** Counts of one target. */
interface Count {
  runs: number;
  accepted: number;
  ms: number;
}

/** The reason why the session ended before its time. */
interface Crash {
  target: string;
  input: Uint8Array;
  reason: string;
}

const scratch = mkdtempSync(path.join(tmpdir(), "nearsource-fuzz-"));
try {
  process.exitCode = await main();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

async function main(): Promise<number> {
  const names = makeTargets(scratch).map(({ name }) => name);
  const options = readOptions(names);
  if (options === undefined) {
    console.error(`${USAGE}\n\ntargets: ${names.join(", ")}`);
    return 2;
  }
  const { seconds, seed, targets } = options;
  console.log(`fuzzing ${targets.join(", ")} for ${seconds} s, seed ${seed}`);
  const counts = new Map<string, Count>(targets.map((name) => [name, { runs: 0, accepted: 0, ms: 0 }]));
  const crash = await supervise(targets, seed, seconds, counts);
  printCounts(counts);
  if (crash === undefined) return 0;
  report(crash);
  return 1;
}

function readOptions(names: string[]): { seconds: number; seed: number; targets: string[] } | undefined {
  try {
    const { values } = parseArgs({
      options: {
        seconds: { type: "string", default: "60" },
        target: { type: "string", multiple: true, default: names },
        seed: { type: "string", default: String(Date.now() % 1_000_000_000) },
      },
    });
    const [seconds, seed] = [Number(values.seconds), Number(values.seed)];
    const known = values.target.every((name) => names.includes(name));
    if (!known || !(seconds > 0) || !Number.isInteger(seed)) return undefined;
    return { seconds, seed, targets: names.filter((name) => values.target.includes(name)) };
  } catch {
    return undefined;
  }
}

/**
 * Lets a worker fuzz until the time is up and every target has had its turn, however short the time or
 * slow the machine; it is watched from here, as an endless loop cannot watch itself.
 */
function supervise(
  targets: string[],
  seed: number,
  seconds: number,
  counts: Map<string, Count>,
): Promise<Crash | undefined> {
  const progress = new SharedArrayBuffer(12);
  const current = new SharedArrayBuffer(LARGEST_INPUT);
  // Two turns each, where the time allows no more.
  const turn = Math.min(LONGEST_TURN, (seconds * 1_000) / targets.length / 2);
  const job: Job = { targets, seed, scratch, turn, progress, current };
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { workerData: job });
  const cut = (reason: string): Crash => {
    const [, length = 0, index = 0] = new Int32Array(progress);
    return { target: targets[index] ?? "", input: new Uint8Array(current).slice(0, length), reason };
  };
  return new Promise((resolve) => {
    const end = (crash?: Crash) => {
      clearInterval(watch);
      clearTimeout(timer);
      void worker.terminate().then(() => resolve(crash));
    };
    let due = false;
    const endWhenDone = () => {
      if (due && [...counts.values()].every(({ runs }) => runs > 0)) end();
    };
    const timer = setTimeout(() => {
      due = true;
      endWhenDone();
    }, seconds * 1_000);
    const watch = watchProgress(new Int32Array(progress), () => end(cut(`no answer within ${HANG} ms`)));
    worker.on("message", ({ failure, ...batch }: Batch) => {
      add(counts.get(batch.target), batch);
      if (failure !== undefined) end({ ...failure, target: batch.target });
      else endWhenDone();
    });
    worker.on("error", (error) => end(cut(`the worker broke: ${explainError(error)}`)));
  });
}

function watchProgress(progress: Int32Array, onHang: () => void): NodeJS.Timeout {
  let seen = -1;
  let since = performance.now();
  return setInterval(() => {
    const now = Atomics.load(progress, 0);
    if (now !== seen) since = performance.now();
    else if (performance.now() - since > HANG) onHang();
    seen = now;
  }, 500);
}

function add(count: Count | undefined, batch: Batch): void {
  if (count === undefined) return;
  count.runs += batch.runs;
  count.accepted += batch.accepted;
  count.ms += batch.ms;
}

function printCounts(counts: Map<string, Count>): void {
  for (const [name, { runs, accepted, ms }] of counts) {
    const share = runs === 0 ? 0 : Math.round((100 * accepted) / runs);
    console.log(
      `${name.padEnd(16)}${String(runs).padStart(9)} inputs, ${share} % accepted, ${Math.round(ms / 1_000)} s`,
    );
  }
}

function report({ target, input, reason }: Crash): void {
  const file = keepCrash(target, input);
  console.error(`\n${target}: ${reason}\n`);
  console.error(`the input is kept as ${file}; to see it again:`);
  console.error(`  npm exec vitest -- run test/fuzz/corpus.test.ts -t ${path.basename(file)}`);
}
