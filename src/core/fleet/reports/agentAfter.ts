import { type AgentPath, pathsAfter } from "./agentPaths.ts";
import { type OwnUrls, ownUrlsAfter } from "./ownUrls.ts";
import type { ReportSummary } from "./reportSummary.ts";
import { areTwoMachines } from "./sameMachine.ts";

/** An agent as its reports have it. Times in ms. */
export interface ReportedAgent {
  /** When its last report came, by the server's clock. */
  reportedAt: number | null;
  outcome: string | null;
  code: string | null;
  source: string | null;
  program: string;
  addresses: readonly string[];
  /** The domains of its DNS search list; null while it has not said. */
  dnsSuffixes: readonly string[] | null;
  port: number | null;
  /** Names of its machine; null while it has not said. */
  hostNames: readonly string[] | null;
  /** URLs under which others reach it; null for none. */
  ownUrls: OwnUrls | null;
  /** The topic that it listens to at a broker; null for none. */
  topic: string | null;
  /** The address that its last enrolment or report came from. */
  seenAt: string | null;
  retiredAt: number | null;
  doubledAt: number | null;
  /** Reports that were ever taken of it. */
  reports: number;
  /** Its last run did not get what it could have. */
  failing: boolean;
  /** The source that delivered first in its last run; the one that its order begins with (`ReportSummary.used`). */
  used: string | null;
  planned: string | null;
  /** `planned` is to be computed again. */
  planDue: boolean;
  /** Version of the source list that its last run went by; null where it went by another list than the server's, or did not say. */
  listVersion: number | null;
  /** Since when both differ. */
  deviatesSince: number | null;
  freeBytes: number | null;
  uptime: number | null;
  contentVersion: number | null;
  settingsVersion: number | null;
  /** Ways to sources, as its attempts found them where it is now. */
  paths: readonly AgentPath[];
  /** Times of the run that was reported last. */
  run: { startedAt: number; endedAt: number } | null;
}

/**
 * An agent after one more report. The one that came last counts, by the server's clock: agents send theirs in their
 * order, and an agent's own clock may be anything.
 *
 * @param listVersion the version of the source list in force
 */
export function agentAfter(
  agent: ReportedAgent,
  summary: ReportSummary,
  { seenAt, now, listVersion }: { seenAt: string; now: number; listVersion: number },
): ReportedAgent {
  const { startedAt, endedAt, port, addresses = agent.addresses, dnsSuffixes = agent.dnsSuffixes } = summary;
  const isDoubled =
    agent.run !== null &&
    areTwoMachines(
      { ...agent.run, addresses: agent.addresses },
      { ...summary, addresses: summary.addresses ?? [] },
    );
  const hostNames = summary.hostNames ?? agent.hostNames;
  const ownUrls = ownUrlsAfter(agent.ownUrls, summary);
  const isElsewhere = addresses[0] !== agent.addresses[0];
  const hasMoved =
    hostNames?.join() !== agent.hostNames?.join() ||
    JSON.stringify(ownUrls) !== JSON.stringify(agent.ownUrls) ||
    addresses.join() !== agent.addresses.join() ||
    dnsSuffixes?.join() !== agent.dnsSuffixes?.join() ||
    (port !== undefined && (port ?? 0) !== agent.port);
  return {
    reports: agent.reports + 1,
    run: { startedAt, endedAt },
    doubledAt: isDoubled ? now : agent.doubledAt,
    reportedAt: now,
    outcome: summary.outcome,
    code: summary.code,
    source: summary.source,
    program: summary.program,
    addresses,
    dnsSuffixes,
    port: port === undefined ? agent.port : (port ?? 0),
    hostNames,
    ownUrls,
    topic: summary.topic,
    seenAt,
    retiredAt: null,
    failing: summary.failing,
    used: summary.used,
    planned: agent.planned,
    planDue: agent.planDue || hasMoved,
    listVersion: summary.listVersion,
    // A run that went by an older list did what that one says.
    deviatesSince: wentBy(summary.listVersion, listVersion)
      ? deviatesSince({ ...agent, used: summary.used }, now)
      : null,
    freeBytes: summary.freeBytes,
    uptime: summary.uptime,
    contentVersion: summary.contentVersion,
    settingsVersion: summary.settingsVersion,
    paths: pathsAfter(isElsewhere ? [] : agent.paths, summary.paths, now),
  };
}

/**
 * Whether a report is that of the last run again: an agent that was not told that it was taken sends it another time,
 * before any other.
 */
export function isLastRunAgain(
  { run }: Pick<ReportedAgent, "run">,
  { startedAt, endedAt }: Pick<ReportSummary, "startedAt" | "endedAt">,
): boolean {
  return run !== null && run.startedAt === startedAt && run.endedAt === endedAt;
}

/** Whether a run says nothing against having gone by the list in force. */
export function wentBy(listVersion: number | null, inForce: number): boolean {
  return listVersion === null || listVersion === inForce;
}

/**
 * Since when an agent goes elsewhere than its order begins: as it was while it still does, `now` where it begins to,
 * null where it does not, or where one of both is not known.
 */
export function deviatesSince(
  { used, planned, deviatesSince: since }: Pick<ReportedAgent, "used" | "planned" | "deviatesSince">,
  now: number,
): number | null {
  return used === null || planned === null || used === planned ? null : (since ?? now);
}
