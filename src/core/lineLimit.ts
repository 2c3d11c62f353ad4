/** A limit on how often similar lines are logged, for a log that is written for years. */
export interface LineLimit {
  /** The lines of the last minute, by their common part. */
  alike: Map<string, { since: number; count: number; omitted: number; example: string }>;
}

/** Most lines that are alike, within a window (ms). */
const MOST = 10;
const WINDOW = 60_000;
/** Most lines a minute that differ; further ones count as alike. */
const MOST_ALIKE = 200;
const COMMON = 200;

export function noLines(): LineLimit {
  return { alike: new Map() };
}

/**
 * Decides whether a line is logged. Lines that differ only in numbers and hashes are alike: lines that
 * strangers cause can come at any rate.
 *
 * @param now milliseconds, of a clock that only goes forward
 * @returns also the lines to log before it, about those left out until a moment ago
 */
export function admitLine(
  limit: LineLimit,
  line: string,
  now: number,
): { isAdmitted: boolean; before: string[] } {
  const before = forgetOld(limit, now);
  const common = line.slice(0, COMMON).replaceAll(/[0-9a-f]{8,}|\d+/g, "#");
  const key = limit.alike.has(common) || limit.alike.size < MOST_ALIKE ? common : "";
  const known = limit.alike.get(key) ?? { since: now, count: 0, omitted: 0, example: line.slice(0, COMMON) };
  limit.alike.set(key, known);
  const isAdmitted = known.count < MOST;
  if (isAdmitted) known.count++;
  else known.omitted++;
  return { isAdmitted, before };
}

function forgetOld({ alike }: LineLimit, now: number): string[] {
  const before: string[] = [];
  for (const [key, { since, omitted, example }] of alike) {
    if (now - since < WINDOW) continue;
    alike.delete(key);
    if (omitted > 0) before.push(`${omitted} more lines were left out that are like: ${example}`);
  }
  return before;
}
