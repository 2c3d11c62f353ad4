/** Result of reading all mirrored files through. Times in milliseconds since the epoch. */
export interface MirrorVerification {
  /** When that was last done to its end, and all was whole afterwards; null for never. */
  at: number | null;
  /** Files that were found altered the last time. */
  damaged: number;
  /** Whether these were fetched again. */
  isMended: boolean;
}

/**
 * Whether all is to be read through now: it is time, or the last time came to no end.
 *
 * @param every time (ms) from one time to the next; null for never
 */
export function isVerificationDue(
  last: MirrorVerification | undefined,
  every: number | null,
  now: number,
): boolean {
  if (every === null) return false;
  // A clock that was set back does not put it off.
  return last?.isMended !== true || last.at === null || Math.abs(now - last.at) >= every;
}
