/**
 * Turns for senders: first come, first served, and so many bytes before others of this process have theirs.
 */
export interface Turns {
  /** Resolves when it is this one's turn to write `bytes`. */
  take(bytes: number): Promise<void>;
}

/**
 * Without turns, a few fast readers keep the loop writing, and newcomers are not even accepted: libuv
 * accepts one connection a loop.
 *
 * @param limit bytes that are written in one turn of the loop
 */
export function createTurns(limit: number): Turns {
  let waiting: { bytes: number; go: () => void }[] = [];
  let isScheduled = false;
  const run = () => {
    isScheduled = false;
    let [bytes, served] = [0, 0];
    while (served < waiting.length && bytes < limit) {
      const next = waiting[served++];
      bytes += next?.bytes ?? 0;
      next?.go();
    }
    waiting = waiting.slice(served);
    if (waiting.length > 0) schedule();
  };
  const schedule = () => {
    isScheduled = true;
    setImmediate(run);
  };
  return {
    take: (bytes) =>
      new Promise((go) => {
        waiting.push({ bytes, go });
        if (!isScheduled) schedule();
      }),
  };
}
