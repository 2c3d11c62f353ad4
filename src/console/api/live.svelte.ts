import { Looks } from "./looks.ts";
import { SharedStream, type Versions } from "./sharedStream.ts";

/** Time (ms) between two looks where the server has no place for another listener, or is away. */
const POLL = 30_000;

type Reload = () => unknown;

/**
 * News from the server: which resource has changed, never what. Who shows one reads it again. A page that is
 * hidden, or left, listens to nothing and keeps no connection; what was missed is read once when it is seen again.
 */
class Live {
  /** Whether news come; undefined before the first word. */
  connected = $state<boolean>();
  /** When the connection was lost (ms). */
  lostAt = $state<number>();
  readonly #watched = new Map<string, Set<Reload>>();
  readonly #looks = new Looks();
  readonly #stream = new SharedStream({
    channel: () => new BroadcastChannel("nearsource events"),
    open: listen,
    heard: (versions) => this.#heard(versions),
    random: Math.random,
  });
  #versions: Versions | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Begins to listen; again after a sign-in. */
  start(): void {
    if (this.#timer === undefined) {
      document.addEventListener("visibilitychange", this.#seen);
      addEventListener("pageshow", this.#seen);
      addEventListener("pagehide", () => this.#stream.stop());
    }
    clearInterval(this.#timer);
    this.#timer = setInterval(() => {
      if (this.connected !== true) this.#readAll();
    }, POLL);
    if (!document.hidden) this.#stream.start();
  }

  /** Has `reload` called whenever one of the resources has changed. @returns how to end that */
  watch(resources: readonly string[], reload: Reload): () => void {
    for (const each of resources) {
      const watching = this.#watched.get(each) ?? new Set();
      this.#watched.set(each, watching.add(reload));
    }
    return () => {
      for (const each of resources) this.#watched.get(each)?.delete(reload);
      this.#looks.forget(reload);
    };
  }

  /** Versions of all resources: what changed while nobody listened is read now. */
  #heard(versions: Versions): void {
    const [known, before] = [this.#versions, this.connected];
    this.connected = versions !== null;
    if (versions === null) {
      this.lostAt ??= Date.now();
      return;
    }
    this.lostAt = undefined;
    this.#versions = versions;
    // Much that was asked for in between was not answered.
    if (before === false) this.#readAll();
    else if (known) for (const each of changedBetween(known, versions)) this.#read(each);
  }

  #read(resource: string): void {
    for (const reload of this.#watched.get(resource) ?? []) this.#looks.ask(reload);
  }

  #readAll(): void {
    if (document.hidden) return;
    for (const resource of this.#watched.keys()) this.#read(resource);
  }

  readonly #seen = () => {
    if (document.hidden) return this.#stream.stop();
    if (this.#stream.isOn) return;
    this.#stream.start();
    if (this.connected !== true) this.#readAll();
  };
}

function changedBetween(known: object, versions: object): string[] {
  const before = new Map(Object.entries(known));
  return Object.entries(versions).flatMap(([name, version]) => (before.get(name) === version ? [] : [name]));
}

/** Time (ms) in which a stream is opened again that came to its end, as each does after a while, before it is called lost. */
const AGAIN = 5_000;

/** Opens the server's stream: `hello` has the versions of all resources, `changed` that of one. */
function listen(heard: (versions: Versions) => void) {
  const source = new EventSource("/api/v1/events");
  // One that was refused is not opened again by the browser.
  const isOver = () => source.readyState === EventSource.CLOSED;
  let versions: Versions = null;
  let losing: ReturnType<typeof setTimeout> | undefined;
  const hear = (later: Versions) => {
    clearTimeout(losing);
    losing = undefined;
    versions = later;
    heard(versions);
  };
  source.addEventListener("hello", (event) => hear(JSON.parse(event.data)));
  source.addEventListener("changed", (event) => {
    const { resource, version } = JSON.parse(event.data) as { resource: string; version: unknown };
    hear({ ...versions, [resource]: version });
  });
  source.addEventListener("error", () => {
    if (isOver()) hear(null);
    else losing ??= setTimeout(() => hear(null), AGAIN);
  });
  const close = () => {
    clearTimeout(losing);
    source.close();
  };
  return { isOver, close };
}

export const live = new Live();
