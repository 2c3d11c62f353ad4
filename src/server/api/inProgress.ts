import { setImmediate as nextTurn, setTimeout as sleep } from "node:timers/promises";

/** Longest time (ms) that a server which is to stop waits for requests that it has begun. */
const LONGEST = 3_000;

/**
 * Requests that were begun and have not come to their end: a server that stops has cut their connections, and keeps the
 * database open until they have noticed.
 */
export class InProgress {
  readonly #work = new Set<Promise<unknown>>();

  /** The same work, of which the end is awaited. */
  async of<Result>(work: Promise<Result>): Promise<Result> {
    this.#work.add(work);
    try {
      return await work;
    } finally {
      this.#work.delete(work);
    }
  }

  /** Resolves once nothing goes on any more, or it has taken too long. */
  async settled(longest = LONGEST): Promise<void> {
    const over = new AbortController();
    const bound = sleep(longest, undefined, { signal: over.signal }).catch(() => {});
    let isOver = false;
    void bound.then(() => {
      isOver = true;
    });
    // One part of a request follows upon another: admitted first, handled then.
    for (await nextTurn(); this.#work.size > 0 && !isOver; await nextTurn())
      await Promise.race([bound, Promise.allSettled(this.#work)]);
    over.abort();
    await bound;
  }
}
