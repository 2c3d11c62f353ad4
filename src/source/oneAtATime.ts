/** Begins a piece of work once the one before it has ended, however that was. */
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
