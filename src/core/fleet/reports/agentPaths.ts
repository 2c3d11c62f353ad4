/** An attempt, as far as it measured the way to its source. */
interface MeasuredAttempt {
  rule?: string | undefined;
  url: string;
  bytes?: number | undefined;
  /** Time (ms) that a TCP connection took, and in which the bytes came. */
  connectMs?: number | undefined;
  transferMs?: number | undefined;
}

/** The way from an agent to a source, as its attempts found it of late. */
export interface AgentPath {
  /** `server`, `active-update`, or the URL of an entry. */
  to: string;
  /** Time (ms) that a TCP connection takes; null while that is not known. */
  connectMs: number | null;
  /** Bytes a second; null while too few came. */
  rate: number | null;
  /** When it was last measured (ms), by the server's clock. */
  at: number;
}

/** Ways that are kept of one agent, and how long (ms) one that was not taken again. */
const MOST = 4;
const LASTING = 30 * 86_400_000;
/** Longest URL (characters) that is kept. */
const LONGEST_URL = 300;
/** Longest time (ms), and fastest rate, that is believed. */
const BELIEVED = { connectMs: 600_000, rate: 1e11 };
/** Bytes from which on a transfer says something about the rate of a way. */
const TELLING = 100_000;
/** Share of a new measurement in what is kept. */
const SHARE = 1 / 4;

/** The ways that the attempts of a run measured, the last ones, without a time. */
export function pathsMeasured(attempts: readonly MeasuredAttempt[]): Omit<AgentPath, "at">[] {
  const paths = attempts.flatMap(({ rule, url, connectMs, transferMs, bytes = 0 }) => {
    const to = pathKey({ rule, url });
    const isBelieved = connectMs === undefined || connectMs <= BELIEVED.connectMs;
    const rate = transferMs === undefined || bytes < TELLING ? null : rateOf(bytes, transferMs);
    if (to === undefined || !isBelieved || (connectMs === undefined && rate === null)) return [];
    return [{ to, connectMs: connectMs ?? null, rate }];
  });
  return paths.slice(-MOST);
}

/** The key of the way to a source; undefined for one that is too long. */
export function pathKey({ rule, url }: { rule?: string | undefined; url: string }): string | undefined {
  if (rule === "server" || rule === "active-update") return rule;
  return url.length > LONGEST_URL ? undefined : url;
}

function rateOf(bytes: number, ms: number): number | null {
  const rate = Math.round((bytes * 1_000) / Math.max(ms, 1));
  return rate <= BELIEVED.rate ? rate : null;
}

/**
 * The ways of an agent after one more run. A connection that was quicker counts at once, since nothing makes one quicker
 * than the way is long; a slower one, and a rate, move what is kept by a quarter.
 */
export function pathsAfter(
  before: readonly AgentPath[],
  measured: readonly Omit<AgentPath, "at">[],
  now: number,
): AgentPath[] {
  const paths = new Map(before.filter(({ at }) => at > now - LASTING).map((path) => [path.to, path]));
  for (const { to, connectMs, rate } of measured) {
    const known = paths.get(to);
    paths.delete(to);
    const connect = blended(known?.connectMs, connectMs);
    const quicker = connectMs !== null && connect !== null ? Math.min(connect, connectMs) : connect;
    paths.set(to, { to, connectMs: quicker, rate: blended(known?.rate, rate), at: now });
  }
  return [...paths.values()].slice(-MOST);
}

function blended(known: number | null | undefined, fresh: number | null): number | null {
  if (known == null || fresh === null) return fresh ?? known ?? null;
  return Math.round(known + (fresh - known) * SHARE);
}
