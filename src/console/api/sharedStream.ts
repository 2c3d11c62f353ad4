/** Versions of all resources; null while there is no connection. */
export type Versions = Record<string, unknown> | null;

/** A stream of events that is open. */
export interface Stream {
  /** Whether it has ended, and is not opened again by itself. */
  isOver(): boolean;
  close(): void;
}

/** Messages between the pages of one browser. `held` is said by the one that has the stream. */
type Said = { kind: "ask" | "left" } | { kind: "held"; by: string; versions: Versions | undefined };

/** A way to all other pages of the browser; a BroadcastChannel is one. */
export interface Channel {
  postMessage(said: Said): void;
  onmessage: ((event: MessageEvent) => unknown) | null;
  close(): void;
}

export interface Means {
  /** Opens a way to the other pages. */
  channel(): Channel;
  /** Opens the stream, and has what comes of it heard. */
  open(heard: (versions: Versions) => void): Stream;
  /** Hears what the stream says, here or at another page. */
  heard(versions: Versions): void;
  random(): number;
}

/** Times in ms: in which a page answers that it has the stream, between two signs of life of it, and after which it is taken for gone. */
const ANSWER = 150;
const BEAT = 4_000;
const GONE = 10_000;
/** After a stream that was refused: then it is asked for anew. */
const LATER = 30_000;

/**
 * One stream of events for all pages of a browser, which has six connections to a host over plain HTTP: one page
 * has it, and says what comes to the others; when it goes, another takes over. Browsers have locks for that only on
 * pages that came by https. Two that have it at once, since a message was late, notice: the greater name gives way.
 */
export class SharedStream {
  readonly #means: Means;
  readonly #name: string;
  #channel: Channel | undefined;
  #stream: Stream | undefined;
  #versions: Versions | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The stream here has just been opened, and is nobody else's while another page may have one. */
  #isNew = false;

  constructor(means: Means) {
    this.#means = means;
    this.#name = means.random().toString(36);
  }

  get isOn(): boolean {
    return this.#channel !== undefined;
  }

  /** Listens at once, and then through the page that has the stream, where one does: nothing is missed meanwhile. */
  start(): void {
    this.stop();
    this.#channel = this.#means.channel();
    this.#channel.onmessage = ({ data }) => this.#hear(data as Said);
    this.#stream = this.#listen();
    this.#isNew = true;
    this.#channel.postMessage({ kind: "ask" });
    this.#after(ANSWER, () => this.#keep());
  }

  /** Leaves it to the others. */
  stop(): void {
    clearTimeout(this.#timer);
    if (this.#stream !== undefined) this.#channel?.postMessage({ kind: "left" });
    this.#drop();
    this.#channel?.close();
    this.#channel = undefined;
  }

  #hear(said: Said): void {
    if (said.kind === "held") this.#hearHeld(said);
    else if (this.#stream === undefined) {
      if (said.kind === "left") this.#ask();
    } else if (said.kind === "ask" && !this.#isNew) {
      // The page that asks may have signed in since the stream was refused.
      if (this.#stream.isOver()) this.#open();
      this.#say();
    }
  }

  #hearHeld({ by, versions }: Said & { kind: "held" }): void {
    if (this.#stream !== undefined && !this.#isNew && by > this.#name) {
      this.#say();
      return;
    }
    this.#drop();
    this.#after(GONE, () => this.#ask());
    if (versions !== undefined) this.#means.heard(versions);
  }

  /** Asks whether another page has it, and takes it where none does. */
  #ask(): void {
    this.#channel?.postMessage({ kind: "ask" });
    this.#after(ANSWER * (1 + this.#means.random()), () => this.#open());
  }

  #open(): void {
    this.#drop();
    this.#stream = this.#listen();
    this.#keep();
  }

  #listen(): Stream {
    return this.#means.open((versions) => {
      this.#versions = versions;
      if (!this.#isNew) this.#say();
      this.#means.heard(versions);
    });
  }

  /** The stream here is that of all pages. */
  #keep(): void {
    this.#isNew = false;
    this.#say();
    this.#beat(0);
  }

  /** Signs of life, as long as the stream is here. */
  #beat(over: number): void {
    this.#after(BEAT, () => {
      this.#say();
      if (this.#stream?.isOver() !== true) this.#beat(0);
      else if (over + BEAT < LATER) this.#beat(over + BEAT);
      else this.#open();
    });
  }

  #say(): void {
    this.#channel?.postMessage({ kind: "held", by: this.#name, versions: this.#versions });
  }

  #drop(): void {
    this.#stream?.close();
    this.#stream = undefined;
    this.#versions = undefined;
    this.#isNew = false;
  }

  #after(time: number, then: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(then, time);
  }
}
