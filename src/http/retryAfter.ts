/** Retries of one source: few and short, since the next entry is better than the tenth retry. */
export const RETRY = {
  /** Tries after the first. */
  retries: 1,
  /** Milliseconds before the retry, at least; with jitter up to twice that. */
  minTimeout: 200,
  maxTimeout: 1_000,
} as const;

const SHORTEST = 1_000;
const LONGEST = 3_600_000;

/** The three forms of a date in HTTP (RFC 9110 §5.6.7), of which the last ends with the year. */
const HTTP_DATE = /^[A-Z][a-z]{2,8},? .* \d\d:\d\d:\d\d (GMT|\d{4})$/;

/**
 * The time that a busy source asks to be left alone, in milliseconds, from its `Retry-After` (RFC 9110
 * §10.2.3: seconds, or a date), clamped to 1 s..1 h. Undefined if the header makes no sense.
 *
 * @param now milliseconds since the epoch
 */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^-?\d+$/.test(text)) return clamp(Number(text) * 1_000);
  const form = HTTP_DATE.exec(text);
  // The form of asctime does not say that it is in UTC, and is.
  const date = form === null ? Number.NaN : Date.parse(form[1] === "GMT" ? text : `${text} GMT`);
  return Number.isNaN(date) ? undefined : clamp(date - now);
}

function clamp(milliseconds: number): number {
  return Math.min(Math.max(milliseconds, SHORTEST), LONGEST);
}
