import { setTimeout as sleep } from "node:timers/promises";
import { interrupted } from "../http/body.ts";
import type { Fetcher, GetOptions, Response } from "../http/fetcher.ts";
import { toStatusError } from "../http/httpErrors.ts";
import {
  isWorthWaiting,
  parseRelayState,
  pauseBefore,
  type RelayState,
  STATE_HEADER,
} from "../http/relayState.ts";
import { parseRetryAfter } from "../http/retryAfter.ts";

/** The time that a run waits in all for Update Agents that are filling or full. */
export interface Patience {
  /** Remaining time (ms). */
  left(): number;
  /**
   * Counts time against it, from now until the returned function is called; simultaneous waits count once.
   */
  startWait(): () => void;
}

/** @param all milliseconds @param now a clock that only goes forward, in ms */
export function createPatience(all: number, now: () => number = () => performance.now()): Patience {
  let spent = 0;
  let waiting = 0;
  let since = 0;
  return {
    left: () => all - spent - (waiting > 0 ? now() - since : 0),
    startWait() {
      if (waiting++ === 0) since = now();
      return () => {
        if (--waiting === 0) spent += now() - since;
      };
    },
  };
}

/** A wait: the Update Agent waited for, and its answer. */
export interface Wait {
  url: URL;
  state: RelayState;
  /** Milliseconds until it is asked again. */
  pause: number;
}

/** Whether a URL is that of a timestamp, which an Update Agent announces. */
export function isTimestamp(url: string): boolean {
  return url.endsWith("/metadata/timestamp.json");
}

/**
 * The same fetcher, that waits for an Update Agent which is filling or full and asks it again, until it gives
 * the object or the patience runs out; then the answer stands as it is. The time that it takes to answer
 * again counts too.
 *
 * An Update Agent that fetches something newer than it announces says so with the timestamp before, and is
 * waited for too: that timestamp is right, and old.
 *
 * @param onWait called before each wait
 * @param onOlder called with whether a timestamp precedes the one that the Update Agent fetches, and was not
 *   waited for
 * @param self the name of this Update Agent, where it is one: it is not waited for by itself, through others
 */
export function waitingFetcher(
  fetcher: Fetcher,
  patience: Patience,
  onWait: (wait: Wait) => void,
  self?: string,
  onOlder: (url: URL, isOlder: boolean) => void = () => {},
): Fetcher {
  const ask = async (url: string, options: GetOptions, startWait: () => void): Promise<Response> => {
    const accept = options.accept ?? [200];
    for (;;) {
      const response = await fetcher.get(url, { ...options, accept: [...accept, 503] });
      const { status, headers } = response;
      const isRefused = status === 503 && !accept.includes(503);
      const state = parseRelayState(headers[STATE_HEADER]);
      const isAhead = !isRefused && state?.state === "filling" && isTimestamp(response.url.pathname);
      if (isTimestamp(response.url.pathname)) onOlder(response.url, isAhead);
      if (!isRefused && !isAhead) return response;
      const retryAfter = parseRetryAfter(headers["retry-after"], Date.now());
      const pause = pauseBefore(retryAfter, patience.left(), Math.random());
      if (state === undefined || !isWorthWaiting(state, self) || pause <= 0) {
        if (!isRefused) return response;
        await response.discard();
        throw toStatusError(status, response.url, retryAfter, state);
      }
      await response.discard();
      onWait({ url: response.url, state, pause });
      startWait();
      await waitFor(pause, options.signal);
    }
  };
  const get = async (url: string, options: GetOptions = {}): Promise<Response> => {
    let stop: (() => void) | undefined;
    const startWait = () => {
      stop ??= patience.startWait();
    };
    return await ask(url, options, startWait).finally(() => stop?.());
  };
  return { ...fetcher, get };
}

async function waitFor(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    throw interrupted(signal) ?? error;
  }
}

/**
 * The same fetcher, that has an Update Agent ask upstream even if it did a moment ago (RFC 9111 §5.2.1.4).
 */
export function revalidating(fetcher: Fetcher): Fetcher {
  const get = (url: string, options: GetOptions = {}) => {
    const headers = { ...options.headers, "cache-control": "no-cache" };
    return fetcher.get(url, isTimestamp(url) ? { ...options, headers } : options);
  };
  return { ...fetcher, get };
}
