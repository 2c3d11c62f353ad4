/** States of an agent, as its reports have them; none is stored. */
export const AGENT_STATES = ["online", "late", "failing", "outdated", "never"] as const;
export type AgentState = (typeof AGENT_STATES)[number];

/** Facts of an agent's last report, by which its state is told. */
export interface StateFacts {
  /** When it came, by the server's clock (ms); null for an agent that has not reported yet. */
  reportedAt: number | null;
  /** Its run did not get what it could have. */
  failing: boolean;
  /** Versions of the timestamps that it held; null for a repository that it does not follow, or did not tell of. */
  contentVersion: number | null;
  settingsVersion: number | null;
}

/** Limits of what is fine, for the agents of one schedule. */
export interface Expected {
  /** A last report from before this time (ms) is late. */
  reportedSince: number;
  /** Older versions than these have been replaced for so long that every run since should have found newer ones. */
  content: number;
  settings: number;
}

/** A publication, and when it was first seen (ms). */
export interface SeenPublication {
  repository: string;
  version: number;
  seenAt: number;
}

/** Pauses between two runs after which an agent that says nothing is late: one may be missed. */
const PAUSES = 2;

/**
 * Limits for agents whose runs are no more than `pause` ms apart.
 *
 * @param publications those that are known, in any order
 */
export function expectedOf(pause: number, publications: readonly SeenPublication[], now: number): Expected {
  const before = now - PAUSES * pause;
  const newest = (repository: string) =>
    publications.reduce(
      (most, each) =>
        each.repository === repository && each.seenAt < before ? Math.max(most, each.version) : most,
      0,
    );
  return { reportedSince: before, content: newest("content"), settings: newest("settings") };
}

/** The state of an agent: of several that it could be in, the one that says most about the others. */
export function agentStateOf(facts: StateFacts, expected: Expected): AgentState {
  const { reportedAt, failing, contentVersion, settingsVersion } = facts;
  if (reportedAt === null) return "never";
  if (reportedAt < expected.reportedSince) return "late";
  if (failing) return "failing";
  const isBehind =
    (contentVersion !== null && contentVersion < expected.content) ||
    (settingsVersion !== null && settingsVersion < expected.settings);
  return isBehind ? "outdated" : "online";
}
