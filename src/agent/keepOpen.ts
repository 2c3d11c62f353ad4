import type { Log } from "../config/log.ts";
import { retryDelay } from "../core/settings/schedule.ts";
import { explainError } from "../errors.ts";
import type { Clock } from "./scheduler.ts";

/** What can be opened: a port, a connection. */
export interface Openable {
  close(): Promise<void>;
  /** Resolves, with the reason, when it is there no more. */
  lost?: Promise<unknown>;
}

/** Something that is opened again and again until it is there, and each time that it is lost. */
export interface Opening<Part> {
  /** Undefined while it is not there. */
  readonly part: Part | undefined;
  /** Why it is not there, after an attempt. */
  readonly failure: string | undefined;
  /** Resolves when the first attempt has ended, whichever way. */
  readonly tried: Promise<void>;
  /** Closes it, and tries no more. */
  close(): Promise<void>;
}

export interface OpeningOptions {
  /** How a failure is logged; one that says the same as the one before, at `debug`. */
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
 * Opens what may not be there yet: an address that the network brings later, a port that another program
 * still has, a file that is not mounted, a broker that is down.
 *
 * @param open one attempt, which ends when `signal` aborts
 */
export function keepOpen<Part extends Openable>(
  open: (signal: AbortSignal) => Promise<Part>,
  options: OpeningOptions,
): Opening<Part> {
  const { backOff, clock, onChange = () => {} } = options;
  const closing = new AbortController();
  const say = sayOnce(options);
  let part: Part | undefined;
  let failure: string | undefined;
  let failures = 0;
  let cancel = () => {};

  const tryAgain = (reason: unknown) => {
    if (closing.signal.aborted) return;
    failure = say(reason);
    onChange();
    cancel = clock.after(retryDelay(++failures, options.random(), backOff), () => {
      attempt = tryOnce();
    });
  };
  const attend = async (opened: Part) => {
    const since = clock.now();
    const reason = await opened.lost;
    if (part !== opened) return;
    part = undefined;
    await opened.close().catch(() => {});
    // What is lost as soon as it is there is no better than what cannot be opened.
    if (clock.now() - since > backOff.longest) failures = 0;
    tryAgain(reason);
  };
  const tryOnce = async () => {
    try {
      const opened = await open(closing.signal);
      if (closing.signal.aborted) return await opened.close();
      part = opened;
      failure = undefined;
      if (opened.lost === undefined) failures = 0;
      else void attend(opened);
      onChange();
    } catch (error) {
      tryAgain(error);
    }
  };
  let attempt = tryOnce();
  return {
    get part() {
      return part;
    },
    get failure() {
      return failure;
    },
    tried: attempt,
    close: async () => {
      closing.abort();
      cancel();
      await attempt;
      const open = part;
      part = undefined;
      await open?.close();
    },
  };
}

/** Logs why something is not there, once, however often it is tried; and returns it in words. */
function sayOnce({ level, log }: Pick<OpeningOptions, "level" | "log">): (reason: unknown) => string {
  let said = "";
  return (reason) => {
    const words = explainError(reason);
    log[words === said ? "debug" : level](`${words}; it is tried again`);
    said = words;
    return words;
  };
}
