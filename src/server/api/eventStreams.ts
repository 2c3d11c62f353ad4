import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";

/** Pages that may watch at once, of one server. */
const MOST = 100;
/** Times in ms: between two looks, between two signs of life, and after which a page has to ask anew. */
const EVERY = 1_000;
const HEARTBEAT = 25_000;
const GREATEST_AGE = 900_000;

/**
 * Streams of events by which pages see something change: `hello` with it as it is, `changed` whenever it is
 * another, a comment as a sign of life. An event that is missed costs nothing: the next has all again. Each
 * stream ends after a while, so that whoever may no longer look has to ask again.
 */
export class EventStreams {
  readonly #closing = new AbortController();
  readonly #looks = new Map<string, { at: number; value: Promise<unknown> }>();
  #open = 0;

  /** Pages that watch now. */
  get size(): number {
    return this.#open;
  }

  /**
   * @param key what is watched: those who watch the same share one look
   * @param gone aborts when the page is
   * @returns undefined when there are so many that there is no place for another
   */
  open(key: string, look: () => Promise<unknown>, gone: AbortSignal): AsyncIterable<string> | undefined {
    return this.#open >= MOST ? undefined : this.#events(key, look, gone);
  }

  /** Ends them all. */
  close(): void {
    this.#closing.abort();
  }

  async *#events(key: string, look: () => Promise<unknown>, gone: AbortSignal): AsyncGenerator<string> {
    const signal = AbortSignal.any([gone, this.#closing.signal]);
    const began = performance.now();
    this.#open++;
    try {
      let last = await this.#look(key, look);
      let said = began;
      yield `retry: ${EVERY * 3}\n\n${event("hello", last)}`;
      for (let now = began; now - began < GREATEST_AGE; now = performance.now()) {
        await sleep(EVERY, undefined, { signal });
        const value = await this.#look(key, look);
        const isSame = isDeepStrictEqual(value, last);
        if (isSame && now - said < HEARTBEAT) continue;
        yield isSame ? ":\n\n" : event("changed", value);
        [last, said] = [value, now];
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.#open--;
    }
  }

  #look(key: string, look: () => Promise<unknown>): Promise<unknown> {
    const now = performance.now();
    const known = this.#looks.get(key);
    if (known !== undefined && now - known.at < EVERY / 2) return known.value;
    for (const [other, { at }] of this.#looks) if (now - at > EVERY * 2) this.#looks.delete(other);
    const value = look();
    this.#looks.set(key, { at: now, value });
    return value;
  }
}

function event(name: string, value: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(value)}\n\n`;
}
