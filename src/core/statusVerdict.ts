import { formatDuration } from "./amounts.ts";
import type { Repository } from "./content/layout.ts";
import { isSuccess, outcomeWord, type Report } from "./report.ts";

/** States of a check, by the exit codes of monitoring plugins (monitoring-plugins.org, guidelines §2.3). */
export const VERDICT_CODES = { ok: 0, warning: 1, critical: 2, unknown: 3 } as const;
export type VerdictState = keyof typeof VERDICT_CODES;

/** Ages (ms) of what is installed, since a source last confirmed it to be the newest. */
export interface Ages {
  warning: number;
  critical: number;
}

export const DEFAULT_AGES: Ages = { warning: 86_400_000, critical: 259_200_000 };

/** Facts of an agent that a monitor judges. Times are in ISO 8601. */
export interface VerdictFacts {
  generation: number;
  metadata: { repository: Repository; expires: string; ageMs: number | null }[];
  lastRun: { ended: string; report: Report } | null;
  /** The run that ended last, where it ended without a report. `isLocal`: no source could have mended it. */
  lastFailure: { ended: string; code: string; message: string; isLocal: boolean } | null;
  /** Whether an agent stays resident; null where none ever did, or this account may not know. */
  resident: boolean | null;
  /** The reason why the agent does not listen where it should. */
  portFailure: string | undefined;
  /** Components whose newest release was put away after it failed, as `kind/name`. */
  failed: string[];
  /** Files that this account may not read. */
  hidden: string[];
}

interface Remark {
  state: VerdictState;
  text: string;
}

/** The worst first: what cannot be known is worse than a warning, and no reason to hide what is known to be bad. */
const ORDER: VerdictState[] = ["critical", "unknown", "warning", "ok"];
/** Time (ms) before metadata expire at which a monitor is told. */
const EXPIRES_SOON = 86_400_000;

/**
 * Judges an agent as a monitoring plugin does.
 *
 * @returns the state, and one line for it, with performance data behind the bar
 */
export function statusVerdict(
  facts: VerdictFacts,
  ages: Ages,
  now: number,
): { state: VerdictState; line: string } {
  const remarks = [
    ...facts.hidden.map(
      (place): Remark => ({ state: "unknown", text: `this account may not read ${place}` }),
    ),
    ...facts.metadata.flatMap((each) => metadataRemarks(each, ages, now)),
    ...runRemarks(facts),
    ...agentRemarks(facts),
  ];
  const state = ORDER.find((each) => remarks.some((remark) => remark.state === each)) ?? "ok";
  const said = ORDER.flatMap((each) => remarks.filter((remark) => remark.state === each));
  const text = said.length === 0 ? fineText(facts, now) : said.map((remark) => remark.text).join("; ");
  const line = `NEARSOURCE ${state.toUpperCase()} - ${oneLine(text)}`;
  return { state, line: [line, ...performanceData(facts, ages, now)].join(" ") };
}

/** The bar parts text and performance data, and a plugin's first line is all that many monitors show. */
function oneLine(text: string): string {
  return text.replaceAll("|", "/").replaceAll(/\s+/g, " ");
}

function metadataRemarks(
  { repository, expires, ageMs }: VerdictFacts["metadata"][number],
  { warning, critical }: Ages,
  now: number,
): Remark[] {
  const left = Date.parse(expires) - now;
  if (left <= 0) {
    return [{ state: "critical", text: `the ${repository} metadata expired ${formatDuration(-left)} ago` }];
  }
  const remarks: Remark[] = [];
  if (left < EXPIRES_SOON) {
    remarks.push({ state: "warning", text: `the ${repository} metadata expire in ${formatDuration(left)}` });
  }
  if (ageMs === null) {
    remarks.push({ state: "warning", text: `no source has confirmed the ${repository} yet` });
  } else if (ageMs > warning) {
    const text = `no source has confirmed the ${repository} for ${formatDuration(ageMs)}`;
    remarks.push({ state: ageMs > critical ? "critical" : "warning", text });
  }
  return remarks;
}

function runRemarks({ lastRun, lastFailure, metadata, failed, hidden }: VerdictFacts): Remark[] {
  if (lastFailure !== null) {
    const { code, message, isLocal } = lastFailure;
    return [{ state: isLocal ? "critical" : "warning", text: `the last run failed: ${message} (${code})` }];
  }
  const put = failed.map((component): Remark => {
    return { state: "warning", text: `the newest release of ${component} failed here and is held` };
  });
  if (lastRun === null) {
    if (metadata.length > 0 || hidden.length > 0) return put;
    return [{ state: "warning", text: "no run has ended here yet" }];
  }
  const { report } = lastRun;
  if (report.failure !== undefined) {
    return [
      { state: "critical", text: `the last run was ${outcomeWord(report)}: ${report.failure.message}` },
    ];
  }
  if (isSuccess(report)) return put;
  const missing = report.undelivered.join(", ");
  return [
    { state: "warning", text: `the last run was ${report.outcome}: no source delivered ${missing}` },
    ...put,
  ];
}

function agentRemarks({ resident, portFailure }: VerdictFacts): Remark[] {
  if (resident === false) return [{ state: "warning", text: "the agent is not running" }];
  return portFailure === undefined ? [] : [{ state: "warning", text: portFailure }];
}

function fineText({ generation, lastRun }: VerdictFacts, now: number): string {
  const run =
    lastRun === null
      ? ""
      : `, last run ${outcomeWord(lastRun.report)} ${formatDuration(Math.max(now - Date.parse(lastRun.ended), 0))} ago`;
  return `generation ${generation}${run}`;
}

/** Performance data (guidelines §2.6): `'label'=value[unit];warning;critical;least`. Times are in seconds. */
function performanceData(
  { metadata, generation }: VerdictFacts,
  { warning, critical }: Ages,
  now: number,
): string[] {
  const seconds = (ms: number) => Math.round(ms / 1_000);
  return [
    "|",
    `generation=${generation}`,
    ...metadata.flatMap(({ repository, expires, ageMs }) => [
      ...(ageMs === null
        ? []
        : [`${repository}_age=${seconds(Math.max(ageMs, 0))}s;${seconds(warning)};${seconds(critical)};0`]),
      `${repository}_expires=${seconds(Date.parse(expires) - now)}s;${seconds(EXPIRES_SOON)}:;0:`,
    ]),
  ];
}
