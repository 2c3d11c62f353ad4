import { AsyncLocalStorage } from "node:async_hooks";
import { tapFileSystem } from "../crash/fsTap.ts";

/** The planned end of a run: by itself, or at its n-th call that changes the disk or asks a source. */
export interface Ending {
  how: "by itself" | "killed" | "interrupted";
  /** The call, counted from 1. */
  at: number;
}

class Killed extends Error {}

interface Life {
  left: number;
  onEnd: () => void;
}

const lives = new AsyncLocalStorage<Life>();

/** Counts a call of the run that is going on here; the dead make none. */
export function countCall(): void {
  const life = lives.getStore();
  if (life === undefined) return;
  life.left -= 1;
  if (life.left <= 0) life.onEnd();
}

/**
 * Runs `work` until its last call. A killed run is one of which nothing comes any more: whatever it
 * still tries to change or to ask from then on throws, and its memory is dropped.
 *
 * @returns what `work` came to, and whether it was cut off before that
 */
export async function runUntil<Result>(
  ending: Ending,
  work: (signal: AbortSignal | undefined) => Promise<Result>,
): Promise<{ result: Result | undefined; error: unknown; cutOff: boolean }> {
  if (ending.how === "by itself")
    return await settle(
      () => work(undefined),
      () => false,
    );
  let cutOff = false;
  const controller = new AbortController();
  const onEnd = () => {
    cutOff = true;
    if (ending.how === "killed") throw new Killed(`killed at call ${ending.at}`);
    controller.abort();
  };
  const signal = ending.how === "interrupted" ? controller.signal : undefined;
  return await lives.run({ left: ending.at, onEnd }, () =>
    settle(
      () => work(signal),
      () => cutOff,
    ),
  );
}

async function settle<Result>(work: () => Promise<Result>, cutOff: () => boolean) {
  try {
    const result = await work();
    return { result, error: undefined, cutOff: cutOff() };
  } catch (error) {
    return { result: undefined, error, cutOff: cutOff() };
  }
}

// Libraries keep the functions they find: this comes before the product loads any that writes.
tapFileSystem(countCall);
