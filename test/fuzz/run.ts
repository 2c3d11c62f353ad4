import fc from "fast-check";
import { mutated } from "./mutation.ts";
import type { FuzzTarget } from "./target.ts";

/** Milliseconds that one input may take; what takes longer can be used to stop an endpoint. */
export const TIME_LIMIT = 5_000;

/** The results for a number of inputs. */
export interface FuzzResult {
  runs: number;
  accepted: number;
  failure?: { input: Uint8Array; reason: string };
}

export interface FuzzOptions {
  /** Seed of the inputs; equal seeds and corpora make equal inputs. */
  seed: number;
  runs: number;
  corpus: Buffer[];
  /** Told of each input before it is read. */
  onInput?: (input: Buffer) => void;
}

/** Feeds a target with inputs, half of them made from its corpus, and shrinks the first that breaks a promise. */
export async function fuzz(target: FuzzTarget, options: FuzzOptions): Promise<FuzzResult> {
  const { seed, runs, corpus, onInput = () => {} } = options;
  const inputs = corpus.length === 0 ? target.made : fc.oneof(target.made, mutated(corpus, target.json));
  let accepted = 0;
  const property = fc.asyncProperty(inputs, async (input) => {
    onInput(input);
    if (await checkInTime(target, input)) accepted += 1;
  });
  const details = await fc.check(property, { seed, numRuns: runs });
  if (!details.failed) return { runs: details.numRuns, accepted };
  const [input] = details.counterexample ?? [Buffer.alloc(0)];
  return { runs: details.numRuns, accepted, failure: { input, reason: reasonOf(details.errorInstance) } };
}

/** Whether the target accepts the input, which it has to say in time. */
export async function checkInTime(target: FuzzTarget, input: Buffer): Promise<boolean> {
  const began = performance.now();
  const accepted = await target.check(input);
  const took = Math.round(performance.now() - began);
  if (took > TIME_LIMIT) throw new Error(`took ${took} ms`);
  return accepted;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
