/** Values by name, each until its time has run out; ages in ms. */
export interface TimedCache<Value> {
  get(name: string): { value: Value; ttl: number } | undefined;
  put(name: string, value: Value, ttl: number): void;
}

/** A cache of at most `limit` names, in which the oldest gives way. */
export function createTimedCache<Value>(limit: number, now: () => number): TimedCache<Value> {
  const entries = new Map<string, { value: Value; expires: number }>();
  return {
    get(name) {
      const entry = entries.get(name);
      if (entry === undefined || entry.expires <= now()) return undefined;
      return { value: entry.value, ttl: entry.expires - now() };
    },
    put(name, value, ttl) {
      entries.delete(name);
      entries.set(name, { value, expires: now() + ttl });
      const [oldest] = entries.keys();
      if (entries.size > limit && oldest !== undefined) entries.delete(oldest);
    },
  };
}

/** Work under way for one name, and the number of callers that wait for it. */
interface Flight<Value> {
  result: Promise<Value>;
  waiting: number;
  stop: AbortController;
}

/**
 * Does the work for a name once for all callers that ask for it meanwhile. A caller that aborts stops waiting
 * at once; the work itself is cancelled when nobody waits any more.
 */
export function shareWork<Value>(work: (name: string, signal: AbortSignal) => Promise<Value>) {
  const flights = new Map<string, Flight<Value>>();
  const land = (name: string, flight: Flight<Value>) => {
    if (flights.get(name) === flight) flights.delete(name);
  };
  const start = (name: string) => {
    const stop = new AbortController();
    const flight = { result: work(name, stop.signal), waiting: 0, stop };
    flights.set(name, flight);
    // The failure itself is reported to the callers that wait.
    flight.result.finally(() => land(name, flight)).catch(() => {});
    return flight;
  };
  return async (name: string, signal?: AbortSignal): Promise<Value> => {
    signal?.throwIfAborted();
    const flight = flights.get(name) ?? start(name);
    return waitFor(flight, signal, () => land(name, flight));
  };
}

function waitFor<Value>(flight: Flight<Value>, signal: AbortSignal | undefined, land: () => void) {
  flight.waiting += 1;
  return new Promise<Value>((resolve, reject) => {
    const leave = () => {
      reject(signal?.reason);
      flight.waiting -= 1;
      if (flight.waiting > 0) return;
      land();
      flight.stop.abort(signal?.reason);
    };
    signal?.addEventListener("abort", leave, { once: true });
    flight.result.then(resolve, reject).finally(() => signal?.removeEventListener("abort", leave));
  });
}
