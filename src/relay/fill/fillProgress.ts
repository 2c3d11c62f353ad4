/** The rate at which missing bytes come, and the time since the last. */
export interface FillProgress {
  /** Notes so many bytes from upstream. */
  received(bytes: number): void;
  /** Bytes a second while they came, over the last half minute or so; undefined before the first. */
  rate(): number | undefined;
  /** Time (ms) since the last came; infinite before the first. */
  idle(): number;
}

/** A pause (ms) longer than this is a time in which nothing came, and says nothing of the rate. */
const PAUSE = 2_000;
/** The rate is that of about this much time (ms). */
const WINDOW = 20_000;
/** Less time (ms) than this says nothing yet. */
const LEAST = 100;

/** @param now a clock that only goes forward, in ms */
export function createFillProgress(now: () => number = () => performance.now()): FillProgress {
  let [bytes, time] = [0, 0];
  let last = Number.NEGATIVE_INFINITY;
  return {
    received(length) {
      const gap = now() - last;
      last = now();
      // The first piece after a pause came in a time that nobody knows.
      if (gap > PAUSE) return;
      bytes += length;
      time += gap;
      if (time > WINDOW) [bytes, time] = [bytes / 2, time / 2];
    },
    rate: () => (time < LEAST ? undefined : (bytes * 1_000) / time),
    idle: () => now() - last,
  };
}
