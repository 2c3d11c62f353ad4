import { setImmediate as nextTurn } from "node:timers/promises";

/**
 * Turns for work of many short steps that waits for nothing: awaited between them, they let signals, timers
 * and sockets have their turn of the event loop now and then.
 *
 * @param every steps at a stretch
 */
export function turnsEvery(every: number): () => Promise<void> {
  let steps = 0;
  return async () => {
    if (++steps % every === 0) await nextTurn();
  };
}
