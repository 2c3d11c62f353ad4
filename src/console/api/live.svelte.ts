import { Looks } from "./looks.ts";

/** Time (ms) between two looks where the server has no place for another listener, or is away. */
const POLL = 30_000;

type Reload = () => unknown;

/**
 * News from the server: which resource has changed, never what. Who shows one reads it again. While the page is
 * hidden nothing is read; what was missed is read once when it is seen again.
 */
class Live {
  /** Whether news come; undefined before the first word. */
  connected = $state<boolean>();
  /** When the connection was lost (ms). */
  lostAt = $state<number>();
  readonly #watched = new Map<string, Set<Reload>>();
  readonly #missed = new Set<string>();
  readonly #looks = new Looks();
  #versions: Record<string, unknown> = {};
  #source: EventSource | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Begins to listen; again after a sign-in. */
  start(): void {
    this.stop();
    const source = new EventSource("/api/v1/events");
    this.#source = source;
    source.addEventListener("hello", (event) => this.#hello(JSON.parse(event.data)));
    source.addEventListener("changed", (event) => this.#changed(JSON.parse(event.data)));
    source.addEventListener("error", () => this.#lost(source));
    this.#timer = setInterval(() => {
      if (this.connected !== true) this.#readAll();
    }, POLL);
    document.addEventListener("visibilitychange", this.#seen);
  }

  stop(): void {
    this.#source?.close();
    clearInterval(this.#timer);
    document.removeEventListener("visibilitychange", this.#seen);
  }

  /** Has `reload` called whenever one of the resources has changed. @returns how to end that */
  watch(resources: readonly string[], reload: Reload): () => void {
    for (const each of resources) {
      const watching = this.#watched.get(each) ?? new Set();
      this.#watched.set(each, watching.add(reload));
    }
    return () => {
      for (const each of resources) this.#watched.get(each)?.delete(reload);
    };
  }

  /** Versions of all resources: what changed while nobody listened is read now. */
  #hello(versions: Record<string, unknown>): void {
    const known = this.#versions;
    const before = this.connected;
    this.connected = true;
    this.lostAt = undefined;
    this.#versions = versions;
    // Much that was asked for in between was not answered.
    if (before === false) this.#readAll();
    if (before !== true) return;
    for (const [resource, version] of Object.entries(versions)) {
      if (known[resource] !== version) this.#read(resource);
    }
  }

  #changed({ resource, version }: { resource: string; version: unknown }): void {
    this.#versions = { ...this.#versions, [resource]: version };
    this.#read(resource);
  }

  #lost(source: EventSource): void {
    if (this.connected !== false) this.lostAt = Date.now();
    this.connected = false;
    // A stream that was refused is not opened again by the browser.
    if (source.readyState === EventSource.CLOSED && source === this.#source) {
      setTimeout(() => source === this.#source && this.start(), POLL);
    }
  }

  #read(resource: string): void {
    if (document.hidden) this.#missed.add(resource);
    else for (const reload of this.#watched.get(resource) ?? []) this.#looks.ask(reload);
  }

  #readAll(): void {
    for (const resource of this.#watched.keys()) this.#read(resource);
  }

  readonly #seen = () => {
    if (document.hidden) return;
    const missed = [...this.#missed];
    this.#missed.clear();
    for (const each of missed) this.#read(each);
  };
}

export const live = new Live();
