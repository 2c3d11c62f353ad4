/** Begins a piece of work once the one before it has ended, with or without an error. */
export type Turn = <Result>(work: () => Promise<Result>) => Promise<Result>;

/** A row of pieces of work, of which one is done at a time. */
export function oneAtATime(): Turn {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    last = result.catch(() => {});
    return result;
  };
}

/** `work`, one at a time: callers that come while it is under way share the next. It must not fail. */
export function sharedNext(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const start = () => {
    running = work().finally(() => {
      running = undefined;
    });
    return running;
  };
  return () => {
    if (running === undefined) return start();
    next ??= running.then(() => {
      next = undefined;
      return start();
    });
    return next;
  };
}
