import { parentPort, workerData } from "node:worker_threads";
import { readCorpus } from "./corpus.ts";
import { fuzz } from "./run.ts";
import { makeTargets } from "./targets.ts";

/** The work of the worker. */
export interface Job {
  targets: string[];
  seed: number;
  scratch: string;
  /** Milliseconds that each target gets before it is the next one's turn. */
  turn: number;
  /** Number of times it began to read an input, the length of that input, and its target. */
  progress: SharedArrayBuffer;
  /** The input that is being read. */
  current: SharedArrayBuffer;
}

/** The worker's report after each batch. */
export interface Batch {
  target: string;
  runs: number;
  accepted: number;
  ms: number;
  failure?: { input: Uint8Array; reason: string };
}

const BATCH = 100;

const job = workerData as Job;
// Folders that a target makes for itself go with the scratch folder: the worker is ended, and cleans nothing up.
process.env.TMPDIR = job.scratch;
const progress = new Int32Array(job.progress);
const current = new Uint8Array(job.current);
const targets = makeTargets(job.scratch).filter(({ name }) => job.targets.includes(name));
const corpora = new Map(targets.map(({ name }) => [name, readCorpus(name).map(({ input }) => input)]));

for (let seed = job.seed; ; ) {
  for (const [index, target] of targets.entries()) {
    const began = performance.now();
    while (performance.now() - began < job.turn) {
      const batchBegan = performance.now();
      const corpus = corpora.get(target.name) ?? [];
      const onInput = (input: Buffer) => note(index, input);
      const result = await fuzz(target, { seed, runs: BATCH, corpus, onInput });
      const ms = performance.now() - batchBegan;
      parentPort?.postMessage({ target: target.name, ms, ...result } satisfies Batch);
      seed += 1;
    }
  }
}

function note(target: number, input: Buffer): void {
  const length = Math.min(input.length, current.length);
  current.set(input.subarray(0, length));
  progress[1] = length;
  progress[2] = target;
  Atomics.add(progress, 0, 1);
}
