import type { Attempt } from "../core/report.ts";
import type { Fetcher, GetOptions, Response, ResponseTiming } from "../http/fetcher.ts";
import { AGENT_HEADER, parsePseudonym } from "../http/via.ts";

/** The way to a source, as the requests of an attempt found it. */
export type PathTimes = Pick<Attempt, "dnsMs" | "connectMs" | "firstByteMs" | "transferMs" | "servedBy">;

/**
 * The same fetcher, that takes the times of what goes to one source. Answers of other hosts, to which objects were
 * redirected, say nothing about the way to it; their bytes came by it all the same.
 *
 * @param base URL of the source
 * @returns it, and what was found so far
 */
export function measured(fetcher: Fetcher, base: string): { fetcher: Fetcher; times(): PathTimes } {
  const { origin } = new URL(base);
  const transfers = new BusyTime();
  let least: ResponseTiming = {};
  let servedBy: string | undefined;
  const note = ({ url, timing, headers }: Response) => {
    if (url.origin !== origin) return;
    least = leastOf(least, timing);
    servedBy = parsePseudonym(headers[AGENT_HEADER]) ?? servedBy;
  };
  const get = async (url: string, options?: GetOptions): Promise<Response> => {
    const response = await fetcher.get(url, options);
    note(response);
    return { ...response, read: () => transfers.while(response.read()) };
  };
  const times = () => withoutAbsent({ ...least, transferMs: transfers.total(), servedBy });
  return { fetcher: { ...fetcher, get }, times };
}

function leastOf(one: ResponseTiming, other: ResponseTiming = {}): ResponseTiming {
  const least = (name: keyof ResponseTiming) => {
    const known = [one[name], other[name]].filter((time) => time !== undefined);
    return known.length === 0 ? undefined : Math.min(...known);
  };
  return { dnsMs: least("dnsMs"), connectMs: least("connectMs"), firstByteMs: least("firstByteMs") };
}

function withoutAbsent(times: { [Name in keyof PathTimes]: PathTimes[Name] | undefined }): PathTimes {
  return Object.fromEntries(Object.entries(times).filter(([, value]) => value !== undefined));
}

/** Time (ms) during which at least one body was read: several may come at once. */
class BusyTime {
  #reading = 0;
  #since = 0;
  #sum: number | undefined;

  async *while(pieces: AsyncGenerator<Buffer, void>): AsyncGenerator<Buffer, void> {
    if (this.#reading++ === 0) this.#since = performance.now();
    try {
      yield* pieces;
    } finally {
      if (--this.#reading === 0) this.#sum = (this.#sum ?? 0) + performance.now() - this.#since;
    }
  }

  /** Undefined where there was none. */
  total(): number | undefined {
    return this.#sum === undefined ? undefined : Math.round(this.#sum);
  }
}
