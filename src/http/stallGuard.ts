import { NearsourceError } from "../errors.ts";

/** Long enough to forgive a burst's pause, short enough that a trickler costs under 15 s. */
const RATE_WINDOW = 7_000;
/** A wait that went on for so much longer (ms) than its timer lets it: this process was stopped, not the source. */
const SLEEP_MARGIN = 1_000;

/** The slowest pace allowed for a body. */
export interface PaceLimits {
  /** Longest pause between two pieces, in ms. */
  stallTimeout: number;
  /** Bytes per second. */
  minRate: number;
}

/**
 * Watches how fast a body comes; calls `fail` once when it stalls or trickles. Time in which this
 * process was stopped, or its machine suspended, does not count.
 */
export function watchPace(url: URL, options: PaceLimits, fail: (error: NearsourceError) => void) {
  const { stallTimeout, minRate } = options;
  const window = Math.min(RATE_WINDOW, stallTimeout);
  const wasAsleep = () => performance.now() - since > stallTimeout + SLEEP_MARGIN;
  const stalled = () => {
    if (wasAsleep()) return wait();
    const seconds = stallTimeout / 1_000;
    fail(
      new NearsourceError("STALLED", `${url.host} sent nothing for ${seconds} s in the middle of its answer`),
    );
  };
  let timer: NodeJS.Timeout | undefined;
  let since = performance.now();
  let waited = 0;
  let bytes = 0;
  const wait = () => {
    since = performance.now();
    timer = setTimeout(stalled, stallTimeout);
  };
  const gotPiece = (length: number) => {
    clearTimeout(timer);
    if (!wasAsleep()) waited += performance.now() - since;
    bytes += length;
    if (waited < window) return;
    if ((bytes * 1_000) / waited < minRate) {
      const rate = Math.round((bytes * 1_000) / waited);
      fail(new NearsourceError("TOO_SLOW", `${url.host} sends ${rate} bytes a second, less than ${minRate}`));
    }
    waited = 0;
    bytes = 0;
  };
  return { wait, got: gotPiece, stop: () => clearTimeout(timer) };
}
