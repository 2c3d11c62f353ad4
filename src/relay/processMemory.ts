import { setFlagsFromString } from "node:v8";
import { collectSpentBuffers } from "../http/spentBuffers.ts";

/**
 * Makes this process keep little memory. For the program's own processes, as `collectSpentBuffers` is.
 *
 * The young generation stays as small as it begins: in a process that is a guest on its machine, one of 48 MB
 * that is full of answers already sent is nobody's gain, and outgrows the processor's caches.
 */
export function keepLittleMemory(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
  collectSpentBuffers();
}
