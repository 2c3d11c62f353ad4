import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

/** Pages that may listen at once, of one server. */
const MOST = 200;
/** Times in ms: the least between two events of a resource, between two signs of life, and after which a page asks anew. */
const LEAST = 1_000;
const HEARTBEAT = 25_000;
const GREATEST_AGE = 900_000;

/** Resources, and which of them an entry of the audit log says have changed. */
export interface Resources {
  names: readonly string[];
  /** Those that a word names: a resource itself, or an operation. */
  changedBy(word: string): readonly string[];
}

/** A page that listens. */
interface Listener {
  changed: Set<string>;
  wake(): void;
}

/**
 * Which resources have changed, for pages that show them: "look again", and no content. A version is this
 * process's own, so that after another server, or one that was started again, all has another one, and the page
 * looks at all of it again: an event that was missed costs a look.
 */
export class ChangeFeed {
  readonly #resources: Resources;
  readonly #say: (resources: string[]) => Promise<void>;
  readonly #era = randomBytes(6).toString("base64url");
  readonly #counts = new Map<string, number>();
  readonly #listeners = new Set<Listener>();
  readonly #closing = new AbortController();
  #noted = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  /** @param say tells all servers, this one too; `hear` is what they are told by */
  constructor(resources: Resources, say: (resources: string[]) => Promise<void>) {
    this.#resources = resources;
    this.#say = say;
  }

  /** Hears of resources or operations; of anything, where something may have been missed. */
  hear(words: readonly string[] | undefined): void {
    const changed =
      words === undefined ? this.#resources.names : words.flatMap((each) => this.#resources.changedBy(each));
    for (const each of changed) this.#counts.set(each, (this.#counts.get(each) ?? 0) + 1);
    for (const { changed: seen, wake } of this.#listeners) {
      for (const each of changed) seen.add(each);
      wake();
    }
  }

  /** A resource changes all the time, as agents do: all servers are told once a second at most. */
  note(resource: string): void {
    this.#noted.add(resource);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const noted = [...this.#noted];
      this.#noted = new Set();
      // The next change of it says the same.
      this.#say(noted).catch(() => {});
    }, LEAST).unref();
  }

  versionOf(resource: string): string {
    return `${this.#era}.${this.#counts.get(resource) ?? 0}`;
  }

  /**
   * Events for a page: `hello` with the versions of all resources, then `changed` with one.
   *
   * @param isAdmitted whether whoever asked still may
   * @param gone aborts when the page is
   * @returns undefined when there is no place for another
   */
  open(isAdmitted: () => Promise<boolean>, gone: AbortSignal): AsyncIterable<string> | undefined {
    return this.#listeners.size >= MOST ? undefined : this.#events(isAdmitted, gone);
  }

  /** Ends all of them. */
  close(): void {
    clearTimeout(this.#timer);
    this.#closing.abort();
  }

  async *#events(isAdmitted: () => Promise<boolean>, gone: AbortSignal): AsyncGenerator<string> {
    const signal = AbortSignal.any([gone, this.#closing.signal]);
    const began = performance.now();
    let woken = Promise.withResolvers<void>();
    const listener: Listener = { changed: new Set(), wake: () => woken.resolve() };
    this.#listeners.add(listener);
    const wake = () => listener.wake();
    signal.addEventListener("abort", wake);
    try {
      const versions = this.#resources.names.map((each) => [each, this.versionOf(each)]);
      yield `retry: ${LEAST * 3}\n\n${event("hello", Object.fromEntries(versions))}`;
      while (performance.now() - began < GREATEST_AGE) {
        const beat = setTimeout(wake, HEARTBEAT);
        await woken.promise.finally(() => clearTimeout(beat));
        woken = Promise.withResolvers<void>();
        if (signal.aborted || !(await isAdmitted())) return;
        const changed = [...listener.changed];
        listener.changed.clear();
        yield changed.length === 0
          ? ":\n\n"
          : changed
              .map((each) => event("changed", { resource: each, version: this.versionOf(each) }))
              .join("");
        await sleep(LEAST, undefined, { signal });
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      signal.removeEventListener("abort", wake);
      this.#listeners.delete(listener);
    }
  }
}

function event(name: string, value: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(value)}\n\n`;
}
