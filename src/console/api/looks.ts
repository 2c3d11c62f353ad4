/** Looks are as far apart as this many times what the last one took: a fleet that reports all the time is no reason to read it all the time. */
const APART = 4;

interface Look {
  /** Something has changed since it began. */
  again: boolean;
}

/** Looks at what has changed: of each kind one at a time, the next some time after it, however often it is asked for. */
export class Looks {
  readonly #under = new Map<() => unknown, Look>();

  /** Has `look` done, now or after the one that is under way. A look that fails says so itself. */
  ask(look: () => unknown): void {
    const under = this.#under.get(look);
    if (under === undefined) void this.#do(look);
    else under.again = true;
  }

  /** Nobody shows any more what it reads: a look that is under way is the last. */
  forget(look: () => unknown): void {
    const under = this.#under.get(look);
    if (under !== undefined) under.again = false;
  }

  async #do(look: () => unknown): Promise<void> {
    const own: Look = { again: false };
    this.#under.set(look, own);
    const began = performance.now();
    await look();
    setTimeout(
      () => {
        this.#under.delete(look);
        if (own.again) this.ask(look);
      },
      APART * (performance.now() - began),
    );
  }
}
