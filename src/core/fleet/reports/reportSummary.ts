import { isRejection } from "../../order/disposition.ts";
import { nameOf } from "../sourceName.ts";
import { type AgentPath, pathsMeasured } from "./agentPaths.ts";

/** Report of a run (docs/agent.md), as far as the server looks at it. */
export interface AgentReport {
  started: string;
  ended: string;
  trigger: string;
  program: string;
  /** The port at which the agent listens for notifications; null for none. */
  port?: number | null | undefined;
  /** The topic that the agent listens to at a broker; null for none. */
  topic?: string | null | undefined;
  /** Names of the machine, and URLs under which others reach the agent, by its configuration. */
  hostNames?: string[] | undefined;
  publicUrls?: string[] | undefined;
  /** Free space (bytes) on its disk, and the time (ms) since its machine was started. */
  freeBytes?: number | undefined;
  uptime?: number | undefined;
  /** Versions of the timestamps that it holds. */
  held?: { content?: number | undefined; settings?: number | undefined } | undefined;
  report?: RunReport | undefined;
  failure?: { code: string; message: string } | undefined;
}

export interface ReportedAttempt {
  /** The rule of the update order that put the source there: `custom`, `server`, `active-update`. */
  rule?: string | undefined;
  name?: string | undefined;
  url: string;
  outcome: string;
  code?: string | undefined;
  ms?: number | undefined;
  bytes?: number | undefined;
  /** Of these, the bytes that were thrown away. */
  wasted?: number | undefined;
  /** The address that answered. */
  address?: string | undefined;
  /** Time (ms) that a TCP connection to it took, and in which its bytes came. */
  connectMs?: number | undefined;
  transferMs?: number | undefined;
  /** Pseudonym of the Update Agent that it said it is. */
  servedBy?: string | undefined;
}

interface RunReport {
  outcome: string;
  /** The list that the run went by: of the server, as it came or was held, a local file, or none. */
  sourceList?: { version: number; from: string } | undefined;
  bytes?: number | undefined;
  addresses?: string[] | undefined;
  dnsSuffixes?: string[] | undefined;
  attempts?: ReportedAttempt[] | undefined;
  /** Components that changed: bytes that came, and those that would have come without deltas. */
  installed?: { bytes?: number | undefined; whole?: number | undefined }[] | undefined;
  undelivered?: string[] | undefined;
  /** Kinds of the undelivered that no source could deliver. */
  uncovered?: string[] | undefined;
  /** Set when an update was taken back, or what is installed is damaged. */
  failure?: { code: string } | undefined;
  /** Components that are installed after the run. */
  components?: ReportedComponent[] | undefined;
  /** Releases that are held back there. */
  held?: ReportedHold[] | undefined;
}

export interface ReportedComponent {
  /** `kind/name`. */
  component: string;
  release: number;
  version: string;
}

export interface ReportedHold {
  component: string;
  release: number;
  reason: string;
  stage?: number | undefined;
  from?: number | undefined;
}

/** Columns of a report, which lists show and sort by. */
export interface ReportSummary {
  startedAt: number;
  endedAt: number;
  trigger: string;
  program: string;
  outcome: string;
  code: string | null;
  bytes: number;
  source: string | null;
  addresses: string[] | undefined;
  dnsSuffixes?: string[] | undefined;
  port?: number | null | undefined;
  topic: string | null;
  hostNames?: string[] | undefined;
  publicUrls?: string[] | undefined;
  /** URLs of the list that turned out to lead to the agent itself, and those that did not. */
  selfUrls: string[];
  otherUrls: string[];
  /** It did not get what it could have. */
  failing: boolean;
  /** The source that delivered first, as the order names it: null where none was asked, empty where all failed. */
  used: string | null;
  /** Version of the server's list that the run went by; null where it does not say, or went by a file. */
  listVersion: number | null;
  freeBytes: number | null;
  uptime: number | null;
  contentVersion: number | null;
  settingsVersion: number | null;
  /** Ways to sources that were measured. */
  paths: Omit<AgentPath, "at">[];
}

/** Longest name of a source that is kept (characters). */
export const LONGEST_SOURCE = 500;

/** Sums a report up. A run that did not come to a report has failed, with its code. */
export function summaryOf(given: AgentReport): ReportSummary {
  const { started, ended, trigger, program, port, held, report, failure } = given;
  const attempts = report?.attempts ?? [];
  const served = attempts.findLast(({ outcome }) => outcome !== "failed");
  // A source that lied is worth more attention than one that did not answer.
  const lied = attempts.find(({ code }) => code !== undefined && isRejection(code));
  const failed = lied ?? attempts.find(({ outcome }) => outcome === "failed");
  return {
    startedAt: Date.parse(started),
    endedAt: Date.parse(ended),
    trigger,
    program,
    outcome: report?.outcome ?? "failed",
    code: failure?.code ?? report?.failure?.code ?? failed?.code ?? null,
    bytes: report?.bytes ?? 0,
    source: served === undefined ? null : nameOf(served).slice(0, LONGEST_SOURCE),
    addresses: report?.addresses,
    dnsSuffixes: report?.dnsSuffixes,
    port,
    topic: given.topic ?? null,
    hostNames: given.hostNames,
    publicUrls: given.publicUrls,
    selfUrls: entryUrls(attempts, (code) => code === "SOURCE_IS_SELF"),
    otherUrls: entryUrls(attempts, (code) => code !== "SOURCE_IS_SELF"),
    failing: isFailing(given),
    used: usedIn(attempts),
    listVersion: listVersionOf(report?.sourceList),
    freeBytes: given.freeBytes ?? null,
    uptime: given.uptime ?? null,
    contentVersion: held?.content ?? null,
    settingsVersion: held?.settings ?? null,
    paths: pathsMeasured(attempts),
  };
}

/** URLs of entries at which an attempt ended so; those of one agent are few. */
function entryUrls(attempts: readonly ReportedAttempt[], ended: (code?: string) => boolean): string[] {
  const urls = attempts.flatMap(({ rule, url, code }) => (rule === "custom" && ended(code) ? [url] : []));
  return [...new Set(urls)].filter((url) => url.length <= LONGEST_SOURCE).slice(0, 64);
}

/** Whether a run took something back, or did not get what a source could have delivered. */
function isFailing({ report, failure }: AgentReport): boolean {
  if (failure !== undefined || report === undefined || report.failure !== undefined) return true;
  const { outcome, undelivered, uncovered = [] } = report;
  if (undelivered === undefined) return outcome !== "updated" && outcome !== "current";
  return undelivered.some((kind) => !uncovered.includes(kind)) || outcome === "exhausted";
}

export function listVersionOf(sourceList: RunReport["sourceList"]): number | null {
  return sourceList === undefined || sourceList.from === "file" ? null : sourceList.version;
}

/** The first source of a run that delivered or had nothing newer, as `deviationOf` compares it with the order. */
function usedIn(attempts: readonly ReportedAttempt[]): string | null {
  if (attempts.length === 0) return null;
  const used = attempts.find(({ outcome }) => outcome !== "failed");
  return used === undefined ? "" : nameOf(used).slice(0, LONGEST_SOURCE);
}
