import { amountOf, formatBytes, formatDuration } from "./amounts.ts";
import { formatMoment } from "./moment.ts";
import { FAILURE_WORDS, failureInWords } from "./order/failureWords.ts";
import type { Clause } from "./order/plan.ts";
import type { Attempt, Installed, Report, Skipped } from "./report.ts";
import type { Trigger, Why } from "./settings/schedule.ts";

/** Facts of a machine's updates, as they are known on it. Times are in ISO 8601. */
export interface LastKnown {
  lastRun: { ended: string; report: Report } | null;
  /** The run that ended last, where it ended without a report. */
  lastFailure: { ended: string; trigger: Trigger; message: string; hint?: string | undefined } | null;
  /** Time when DNS last said that nothing is newer, so that no source was asked. */
  hintedAt: string | null;
  running: { trigger: Trigger; started: string; source?: { name?: string; url: string } | undefined } | null;
  /** Whether an agent stays resident; undefined where this account may not know. */
  resident: boolean | undefined;
  next: { at: string; why: Why } | null;
}

/** The answers for a help desk: what the last run did, which source it used and why, and when the next is. */
export interface WhySentences {
  last: string;
  source: string;
  next: string;
}

/**
 * Says in three sentences what happened on a machine and why.
 *
 * @param now milliseconds since the epoch
 */
export function whySentences(known: LastKnown, now: number): WhySentences {
  return { last: lastSentence(known, now), source: sourceSentence(known), next: nextSentence(known, now) };
}

const TRIGGERS: Record<Trigger, string> = {
  manual: "started by hand",
  schedule: "on schedule",
  notify: "on a notification",
};

function lastSentence({ lastRun, lastFailure, hintedAt }: LastKnown, now: number): string {
  if (lastFailure !== null) {
    const { ended, trigger, message, hint } = lastFailure;
    const remedy = hint === undefined ? "" : ` (${hint})`;
    return `The last run, ${TRIGGERS[trigger]}, failed ${ago(ended, now)}: ${message}${remedy}.`;
  }
  if (lastRun === null) return "No run has ended on this machine yet.";
  const { ended, report } = lastRun;
  const since =
    hintedAt !== null && hintedAt > ended
      ? `, and DNS said ${ago(hintedAt, now)} that nothing is newer since`
      : "";
  return `The last run, ${TRIGGERS[report.trigger]}, ${didWords(report)} ${ago(ended, now)}${since}.`;
}

function didWords({
  outcome,
  failure,
  installed,
  undelivered,
  uncovered = [],
  held = [],
  bytes,
}: Report): string {
  if (failure !== undefined) return `was taken back (${failure.message})`;
  if (outcome === "exhausted") return "got nothing from any source";
  const missing = undelivered.filter((kind) => !uncovered.includes(kind));
  const without = missing.length === 0 ? "" : `, but no ${missing.join(" and no ")}`;
  const [first, ...others] = installed.filter(({ kind }) => kind !== "settings");
  const waits =
    held.length === 0 ? "" : `, while ${amountOf(held.length, "newer release")} waited for its time`;
  if (first === undefined) return `found nothing newer${without}${waits}`;
  const more = others.length === 0 ? "" : ` and ${amountOf(others.length, "other component")}`;
  return `brought ${versionOf(first)}${more} in ${formatBytes(bytes)}${without}${waits}`;
}

function versionOf({ component, toVersion }: Installed): string {
  return toVersion === undefined ? component : `${component} ${toVersion}`;
}

/** Reasons why a source was the one, by clause of the update order (docs/update-order.md). */
const REASONS: Record<Clause, string> = {
  "1": "the first entry of the source list that is for this machine and could deliver",
  "2": "the server, since no entry of the source list is for this machine and could, and falling back to it is on",
  "2+": "ActiveUpdate, since the server could not, and the policy lets this machine go on there",
  "3a": "ActiveUpdate, since no entry of the source list is for this machine and could, and it has the privilege",
  "3b": "ActiveUpdate, since no entry of the source list is for this machine and could, and it is none of them",
  "S.1": "the server, which is the standard source",
  "S.2": "ActiveUpdate, since the server could not, and this machine has the privilege",
  "UA.1": "the server, the only source of an Update Agent here",
  "UA.2a": "ActiveUpdate, since the server could not, and this Update Agent has the privilege",
  "UA.2b": "ActiveUpdate, since the server could not, and it is the first entry of the source list",
};

function sourceSentence({ lastRun }: LastKnown): string {
  if (lastRun === null) return "No source has been used yet.";
  const { attempts, skipped } = lastRun.report;
  const used = attempts.filter(({ delivered }) => delivered.length > 0);
  const failures = attempts.filter(({ outcome }) => outcome === "failed");
  const failed = [
    ...failures.map((attempt) => `${sourceOf(attempt)} ${failureWords(attempt)}`),
    ...skipped.flatMap(lostBefore),
  ].join(", ");
  if (attempts.length === 0) {
    const [first] = skipped;
    return `It asked nobody${first === undefined ? "" : `: ${first.name ?? first.url ?? "the first source"} was passed over, since ${first.reason}`}.`;
  }
  if (used.length === 0) return `No source could deliver: ${failed}.`;
  const from = used.map(usedWords).join(", then ");
  return `It took ${from}${failed === "" ? "" : `; ${failed}`}.`;
}

/** The server, where it failed already as it was asked for the settings: it is tried no second time. */
function lostBefore({ rule, reason }: Skipped): string[] {
  const [, code] = /^it failed earlier in this run \((\w+)\)$/.exec(reason) ?? [];
  if (rule !== "server" || code === undefined) return [];
  return [`the server ${failureInWords(code)}`];
}

function usedWords(attempt: Attempt): string {
  const { delivered, clause, waited } = attempt;
  const reason = clause === undefined ? "" : `, ${REASONS[clause]} (clause ${clause})`;
  const wait =
    waited === undefined
      ? ""
      : `, for which it waited ${formatDuration(waited.ms)} while that was ${waited.for}`;
  return `${inWords(delivered)} from ${sourceOf(attempt)}${reason}${wait}`;
}

function sourceOf({ name, url }: Pick<Attempt, "name" | "url">): string {
  return name ?? url;
}

function failureWords({ code, message }: Attempt): string {
  const words: Partial<Record<string, string>> = FAILURE_WORDS;
  return words[code ?? ""] ?? `failed (${message ?? code})`;
}

const WHY: Record<Why, string> = {
  schedule: "on schedule",
  missed: "to make up for one that was missed",
  retry: "again after a failure",
  asked: "on a notification",
};

function nextSentence({ running, resident, next }: LastKnown, now: number): string {
  if (running !== null) {
    const source = running.source === undefined ? "" : `, from ${sourceOf(running.source)}`;
    return `A run is going on now, ${TRIGGERS[running.trigger]}${source}, since ${formatDuration(Math.max(now - Date.parse(running.started), 0))}.`;
  }
  if (resident === false)
    return "No agent runs on this machine now, so that nothing is updated by itself: start `nearsource agent`.";
  if (next === null) {
    return resident === undefined
      ? "Whether there will be another by itself, only root and the agent's own account can tell."
      : "The agent runs, and no next run is planned: it waits for a notification.";
  }
  const at = Date.parse(next.at);
  const when = at > now ? `is in ${formatDuration(at - now)}` : `was due ${ago(next.at, now)}`;
  return `The next run ${when} (${formatMoment(at)}), ${WHY[next.why]}.`;
}

function ago(time: string, now: number): string {
  const age = now - Date.parse(time);
  return age < 1_000 ? "just now" : `${formatDuration(age)} ago`;
}

/** `components`, `components and settings`, `a, b and c`. */
function inWords(things: readonly string[]): string {
  return things.length < 2 ? things.join() : `${things.slice(0, -1).join(", ")} and ${things.at(-1)}`;
}
