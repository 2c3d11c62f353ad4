import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Spent buffers (bytes; 4 MiB) that are still in a processor's caches, and collected in less than 1 ms. */
const ENOUGH = 4_194_304;

let isOn = false;
let spent = 0;
let collect: ((options: { type: "minor" }) => void) | undefined;

/**
 * Makes this process collect the buffers of bodies as they fall due. For the program's own processes: it
 * takes a flag of the engine, which somebody who imports the library must find unchanged.
 */
export function collectSpentBuffers(): void {
  isOn = true;
}

/**
 * Notes that a buffer of a body will not be looked at again. Each piece from the network comes in one of its
 * own, and left to itself V8 lets some 70 MB of them gather.
 */
export function countSpent(length: number): void {
  if (!isOn) return;
  spent += length;
  if (spent < ENOUGH) return;
  spent = 0;
  collect ??= exposeCollector();
  collect({ type: "minor" });
}

/** The flag is taken back at once: compiled code that was cached under other flags would not be believed. */
function exposeCollector(): NonNullable<typeof collect> {
  setFlagsFromString("--expose-gc");
  const exposed: NonNullable<typeof collect> = runInNewContext("gc");
  setFlagsFromString("--no-expose-gc");
  return exposed;
}
