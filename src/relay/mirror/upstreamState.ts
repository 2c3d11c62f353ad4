import type { Fetcher } from "../../http/fetcher.ts";
import type { RelayState } from "../../http/relayState.ts";
import { isTimestamp } from "../../source/patience.ts";

/** The state of upstream during a refresh: the report of an Update Agent there that is waited for. */
export class UpstreamState {
  #state: RelayState | undefined;
  #mustWait = Promise.withResolvers<void>();

  /** `filling` also while something newer is being learnt; undefined while nobody is waited for. */
  get state(): RelayState | undefined {
    return this.#state;
  }

  /**
   * Resolves once an Update Agent upstream has answered that it is to be waited for: nobody need wait for
   * that answer.
   */
  get mustWait(): Promise<void> {
    return this.#mustWait.promise;
  }

  waitsFor(state: RelayState): void {
    this.#state = state;
    this.#mustWait.resolve();
  }

  /** A source was asked to its end. */
  clear(): void {
    this.#state = undefined;
    this.forget();
  }

  /** Forgets the callers that wait for such an answer. */
  forget(): void {
    this.#mustWait = Promise.withResolvers();
  }

  /** Notes that something newer is on its way: nothing else is asked for before a newer timestamp has been verified. */
  noticing(fetcher: Fetcher): Fetcher {
    const get: Fetcher["get"] = (url, options) => {
      const isAskedFirst = isTimestamp(url) || /\/\d+\.root\.json$/.test(url);
      if (!isAskedFirst) this.#state ??= { state: "filling" };
      return fetcher.get(url, options);
    };
    return { ...fetcher, get };
  }
}
