import { failureInWords } from "../../order/failureWords.ts";
import type { SourceList } from "../../order/sourceList.ts";
import { momentInWords } from "../deviation.ts";
import { nameOf } from "../sourceName.ts";
import type { AgentReport, ReportedAttempt } from "./reportSummary.ts";

/** Codes by which agents reject what a source offers, whatever else it does. */
const LIES = ["HASH_MISMATCH", "METADATA_MISMATCH", "SIGNATURE_INVALID"];
/** Codes of a source that is behind: an Update Agent may be for a while. */
const BEHIND = ["METADATA_OLDER", "METADATA_EXPIRED"];
/** Codes that say something of the objects, which a run that needs none does not look at. */
const OF_OBJECTS = ["HASH_MISMATCH"];

/** Time (ms) for which a source may be behind. */
const BEHIND_FOR = 86_400_000;
/** Time (ms) for which nobody forgets what was rejected last. */
export const REJECTED_FOR = 30 * 86_400_000;

/** Sources of one run, by the key that `keyOfSource` gives. */
export interface Verdicts {
  /** Those of which something was rejected, with the code. */
  rejected: Map<string, string>;
  /** Those that gave new content which verified, and those that said only that there is none. */
  delivered: Set<string>;
  current: Set<string>;
}

/** An agent's record of one source: from when to when it rejected what that sent, and why. */
export interface Rejection {
  code: string;
  /** Milliseconds since the epoch. */
  since: number;
  last: number;
}

/** A source, and the agents that rejected what it sent. */
export interface RejectedSource extends Rejection {
  /** URL of an entry, `server` or `ActiveUpdate`. */
  source: string;
  agents: number;
}

/** The name under which a source is remembered: an entry by its URL, since its name may be changed. */
export function keyOfSource(source: Pick<ReportedAttempt, "rule" | "url">): string {
  return nameOf({ rule: source.rule, url: source.url });
}

/** Sources of a list, by their keys, each as people call it. */
export function sourcesOfList({ entries }: Pick<SourceList, "entries">): Map<string, string> {
  const own = entries.map((entry): [string, string] => [entry.url, nameOf(entry)]);
  return new Map([...own, ["server", "server"], ["ActiveUpdate", "ActiveUpdate"]]);
}

/** Whether anything that a source sent was rejected in a run. */
export function isRejecting({ report }: Pick<AgentReport, "report">): boolean {
  return report?.attempts?.some(({ code }) => isRejectionCode(code)) === true;
}

function isRejectionCode(code: string | undefined): code is string {
  return code !== undefined && (LIES.includes(code) || BEHIND.includes(code));
}

/** The verdicts of a run on the sources that are known: agents may name any. */
export function verdictsOf(
  { report }: Pick<AgentReport, "report">,
  known: { has(key: string): boolean },
): Verdicts {
  const verdicts: Verdicts = { rejected: new Map(), delivered: new Set(), current: new Set() };
  for (const attempt of report?.attempts ?? []) {
    const key = keyOfSource(attempt);
    if (!known.has(key)) continue;
    const { outcome, code } = attempt;
    if (isRejectionCode(code)) {
      // A lie counts more than that it was behind.
      if (!LIES.includes(verdicts.rejected.get(key) ?? "")) verdicts.rejected.set(key, code);
    } else if (outcome === "delivered") verdicts.delivered.add(key);
    else if (outcome === "current") verdicts.current.add(key);
  }
  return verdicts;
}

/** Whether a run clears a source of what an agent once rejected of it. */
export function isCleared(source: string, code: string, { rejected, delivered, current }: Verdicts): boolean {
  if (rejected.has(source)) return false;
  return delivered.has(source) || (current.has(source) && !OF_OBJECTS.includes(code));
}

/** Whether people are to know: of a lie at once, of a source that is behind once that lasts. */
export function isTelling({ code, since, last }: Rejection): boolean {
  return LIES.includes(code) || last - since >= BEHIND_FOR;
}

/** A source that lies or is behind, in one sentence: how, at how many agents, and since when. */
export function rejectedInWords(
  name: string,
  { code, agents, since, last }: Omit<RejectedSource, "source">,
): string {
  const said = agents === 1 ? "as 1 agent reports" : `as ${agents} agents report`;
  const from = momentInWords(since);
  const when = since === last ? `on ${from}` : `since ${from}, last on ${momentInWords(last)}`;
  return `${name} ${failureInWords(code)} (${code}), ${said}: ${when}`;
}
