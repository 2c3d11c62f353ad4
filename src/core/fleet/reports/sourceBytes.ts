import type { AgentReport, ReportedAttempt } from "./reportSummary.ts";

/**
 * Bytes of a run by source, of which there are few in all: entries of the list in force by name or URL, `server`,
 * `active-update`, and `other` for whatever an agent calls by another name.
 *
 * @param known names and URLs of the entries
 * @param of the bytes of an attempt that count
 */
export function bytesBySource(
  { report }: Pick<AgentReport, "report">,
  known: ReadonlySet<string>,
  of: (attempt: ReportedAttempt) => number = ({ bytes = 0 }) => bytes,
): Map<string, number> {
  const sums = new Map<string, number>();
  for (const attempt of report?.attempts ?? []) {
    const bytes = of(attempt);
    if (bytes === 0) continue;
    const source = sourceOf(attempt, known);
    sums.set(source, (sums.get(source) ?? 0) + bytes);
  }
  return sums;
}

function sourceOf({ rule, name, url }: ReportedAttempt, known: ReadonlySet<string>): string {
  if (rule === "server" || rule === "active-update") return rule;
  const source = name ?? url;
  return known.has(source) ? source : "other";
}
