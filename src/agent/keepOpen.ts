import type { Log } from "../config/log.ts";
import { retryDelay } from "../core/settings/schedule.ts";
import { explainError, NearsourceError } from "../errors.ts";
import type { Clock } from "./scheduler.ts";

/** A part that can be opened: a port, a connection. */
export interface Openable {
  close(): Promise<void>;
  /** Resolves, with the reason, when it is there no more. */
  lost?: Promise<unknown>;
}

export interface OpeningOptions {
  /** Level at which a failure is logged; one with the same message as the one before, at `debug`. */
  level: "error" | "warn";
  /** Time (ms) between attempts: doubled with each failure, with jitter below. */
  backOff: { first: number; longest: number };
  /** It is there now, or why it is not. */
  onChange?: () => void;
  clock: Clock;
  random(): number;
  log: Log;
}

/**
 * Keeps open a part that may not be available yet: an address that the network brings later, a port that
 * another program still has, a file that is not mounted, a broker that is down.
 *
 * @param open one attempt, which ends when `signal` aborts
 */
export function keepOpen<Part extends Openable>(
  open: (signal: AbortSignal) => Promise<Part>,
  options: OpeningOptions,
): Opening<Part> {
  return new Opening(open, options);
}

/** A part that is opened again until it is there, and each time that it is lost. */
export class Opening<Part extends Openable> {
  readonly #open: (signal: AbortSignal) => Promise<Part>;
  readonly #options: OpeningOptions;
  readonly #closing = new AbortController();
  #part: Part | undefined;
  #failure: string | undefined;
  /** The last failure that was logged. */
  #logged: string | undefined;
  /** Attempts that failed, one after the other. */
  #failures = 0;
  /** The attempt that goes on, or was the last. */
  #attempt: Promise<void>;
  /** Undoes the attempt that is due. */
  #cancel = () => {};
  /** Resolves when the first attempt has ended, whichever way. */
  readonly tried: Promise<void>;

  constructor(open: (signal: AbortSignal) => Promise<Part>, options: OpeningOptions) {
    this.#open = open;
    this.#options = options;
    this.#attempt = this.#try();
    this.tried = this.#attempt;
  }

  /** Undefined while it is not there. */
  get part(): Part | undefined {
    return this.#part;
  }

  /** The reason why it is not open, after an attempt. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Closes it, and tries no more. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#cancel();
    await this.#attempt;
    const part = this.#part;
    this.#part = undefined;
    await part?.close();
  }

  async #try(): Promise<void> {
    try {
      const part = await this.#open(this.#closing.signal);
      if (this.#closing.signal.aborted) return await part.close();
      this.#part = part;
      this.#failure = undefined;
      if (part.lost === undefined) this.#failures = 0;
      else void this.#attend(part, part.lost);
      this.#options.onChange?.();
    } catch (error) {
      this.#tryAgain(error);
    }
  }

  async #attend(part: Part, lost: Promise<unknown>): Promise<void> {
    const { clock, backOff } = this.#options;
    const since = clock.now();
    const reason = await lost;
    if (this.#part !== part) return;
    this.#part = undefined;
    await part.close().catch(() => {});
    // A part that is lost as soon as it is open is no better than one that cannot be opened.
    if (clock.now() - since > backOff.longest) this.#failures = 0;
    this.#tryAgain(reason);
  }

  #tryAgain(reason: unknown): void {
    if (this.#closing.signal.aborted) return;
    const { clock, backOff, random, onChange } = this.#options;
    this.#note(explainError(reason), reason instanceof NearsourceError ? reason.hint : undefined);
    onChange?.();
    this.#cancel = clock.after(retryDelay(++this.#failures, random(), backOff), () => {
      this.#attempt = this.#try();
    });
  }

  /** Logs the reason why it is not open, once for all attempts that fail the same way. */
  #note(failure: string, hint: string | undefined): void {
    const { log, level } = this.#options;
    log[failure === this.#logged ? "debug" : level](
      `${failure}; it is tried again${hint === undefined ? "" : `; hint: ${hint}`}`,
    );
    this.#logged = failure;
    this.#failure = failure;
  }
}
