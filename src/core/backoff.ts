/** How one source is retried: few and short, since the next entry is better than the tenth retry. */
export const RETRY = {
  /** Tries after the first. */
  retries: 1,
  /** Milliseconds before the retry, at least; with jitter up to twice that. */
  minTimeout: 200,
  maxTimeout: 1_000,
} as const;

const SHORTEST = 1_000;
const LONGEST = 3_600_000;

/**
 * How long a busy source asks to be left alone, in milliseconds, from its `Retry-After` (RFC 9110
 * §10.2.3: seconds, or a date), clamped to 1 s..1 h. Undefined when it says nothing that makes sense.
 *
 * @param now milliseconds since the epoch
 */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^-?\d+$/.test(text)) return clamp(Number(text) * 1_000);
  const date = /^[A-Za-z]{3,9},? /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(date) ? undefined : clamp(date - now);
}

function clamp(milliseconds: number): number {
  return Math.min(Math.max(milliseconds, SHORTEST), LONGEST);
}
