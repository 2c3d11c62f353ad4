import type { Fetcher } from "../../http/fetcher.ts";
import type { RelayState } from "../../http/relayState.ts";
import { isTimestamp } from "../../source/patience.ts";

/** What is known upstream while a refresh goes on: what an Update Agent there says of itself while it is waited for. */
export class UpstreamState {
  #state: RelayState | undefined;
  #told = Promise.withResolvers<void>();

  /** `filling` also while something newer is being learnt; undefined while nobody is waited for. */
  get state(): RelayState | undefined {
    return this.#state;
  }

  /** Resolves once an Update Agent upstream has said that it is to be waited for: nobody need wait to hear that. */
  get told(): Promise<void> {
    return this.#told.promise;
  }

  waitsFor(state: RelayState): void {
    this.#state = state;
    this.#told.resolve();
  }

  /** A source was asked to its end. */
  clear(): void {
    this.#state = undefined;
    this.forget();
  }

  /** Those who wait to be told are not remembered any longer. */
  forget(): void {
    this.#told = Promise.withResolvers();
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
