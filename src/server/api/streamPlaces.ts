/** Streams that one session has at once: a browser has six connections to a host over HTTP/1.1, and needs some for all else. */
const MOST = 4;
/** Time (ms) after which a page whose stream gave way asks anew. */
const LATER = 30_000;

/**
 * Streams of events by session, the oldest of which gives way to one too many: it is most likely of a page that nobody
 * sees any more, and keeps a connection that its browser waits for.
 */
export class StreamPlaces {
  readonly #open = new Map<string, Set<AbortController>>();

  /** @returns aborts with `gone`, or once the session has a place for this stream no more */
  take(session: string, gone: AbortSignal): AbortSignal {
    const own = new AbortController();
    const places = this.#open.getOrInsert(session, new Set());
    const [oldest] = places;
    if (places.size >= MOST) oldest?.abort();
    places.add(own);
    const leave = () => {
      places.delete(own);
      if (places.size === 0) this.#open.delete(session);
    };
    own.signal.addEventListener("abort", leave, { once: true });
    gone.addEventListener("abort", () => own.abort(), { once: true });
    return own.signal;
  }
}

/** Events as they come, and at the end of those that gave way when to ask anew. */
export async function* withFarewell(
  events: AsyncIterable<string>,
  gone: AbortSignal,
): AsyncGenerator<string> {
  yield* events;
  if (gone.aborted) yield `retry: ${LATER}\n\n`;
}
