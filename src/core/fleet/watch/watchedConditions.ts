import { amountOf, formatDuration } from "../../amounts.ts";
import type { Expiry } from "../expiry.ts";
import { isTelling, type RejectedSource, rejectedInWords } from "../reports/rejections.ts";
import type { EventType } from "./eventTypes.ts";

/** Kinds of conditions that hold for a while, each with the event of its beginning and of its end. */
export const CONDITIONS = {
  expiry: { began: "expiry.ahead", ended: "expiry.renewed", again: 86_400_000 },
  mirror: { began: "mirror.late", ended: "mirror.recovered", again: null },
  agents: { began: "agents.outdated", ended: "agents.recovered", again: null },
  networks: { began: "networks.uncovered", ended: "networks.covered", again: null },
  sources: { began: "source.rejected", ended: "source.recovered", again: null },
} as const satisfies Record<string, { began: EventType; ended: EventType; again: number | null }>;

export type ConditionKind = keyof typeof CONDITIONS;

/** Something that is so now, and that an administrator wants to know of. */
export interface Condition {
  kind: ConditionKind;
  /** Thing that it is so of, such as `settings root`; one at a time. */
  subject: string;
  /** One sentence for people. */
  message: string;
  /** For programs. */
  detail: Record<string, unknown>;
}

/** Facts of one look at the server. Times in milliseconds since the epoch. */
export interface WatchedFacts {
  expiries: readonly Expiry[];
  /** The mirror of the vendor's content; undefined where there is none, or it is paused. */
  mirror?: { confirmedAt: number | null; since: number } | undefined;
  /** Agents in all, and those that fail or are not heard of. */
  agents: { all: number; troubled: number };
  /** Agents that no entry of the source list matches; undefined where nobody counted. */
  uncovered?: { agents: number; networks: number } | undefined;
  /** Sources in force of which agents rejected something, each as people call it. */
  rejected: readonly RejectedSource[];
  /** Subjects of the conditions that held at the last look. */
  held: ReadonlySet<string>;
  limits: { troubledShare: number; mirrorLate: number };
}

/** A condition that held goes on until the share is this much below its limit: it shall not come and go. */
const EASE = 0.8;

/** All conditions that hold, by one look. */
export function conditionsOf(facts: WatchedFacts, now: number): Condition[] {
  return [
    ...expiring(facts),
    ...lateMirror(facts, now),
    ...troubledAgents(facts),
    ...uncovered(facts),
    ...rejected(facts),
  ];
}

function expiring({ expiries }: WatchedFacts): Condition[] {
  return expiries
    .filter(({ state, reason }) => state !== "fine" || reason !== null)
    .map(({ what, expires, state, reason, remedy }) => {
      const end = expires === null ? "cannot be read" : `ends ${new Date(expires).toISOString()}`;
      const message = `${what} ${state === "ended" && expires !== null ? "has ended" : end}${reason === null ? "" : `: ${reason}`}`;
      return { kind: "expiry", subject: what, message, detail: { expires, state, reason, remedy } };
    });
}

function lateMirror({ mirror, limits }: WatchedFacts, now: number): Condition[] {
  if (mirror === undefined) return [];
  const { confirmedAt, since } = mirror;
  const age = now - (confirmedAt ?? since);
  if (age < limits.mirrorLate) return [];
  const message = `the vendor's content was not renewed for ${formatDuration(age)}`;
  return [{ kind: "mirror", subject: "content", message, detail: { confirmedAt, age } }];
}

function troubledAgents({ agents: { all, troubled }, limits, held }: WatchedFacts): Condition[] {
  const limit = held.has("fleet") ? limits.troubledShare * EASE : limits.troubledShare;
  if (all === 0 || troubled / all < limit) return [];
  const share = Math.round((troubled / all) * 1_000) / 10;
  const message = `${troubled} of ${amountOf(all, "agent")} (${share} %) ${troubled === 1 ? "fails or is" : "fail or are"} not heard of`;
  return [{ kind: "agents", subject: "fleet", message, detail: { all, troubled } }];
}

function uncovered({ uncovered: found }: WatchedFacts): Condition[] {
  if (found === undefined || found.agents === 0) return [];
  const message = `${amountOf(found.agents, "agent")} in ${amountOf(found.networks, "network")} ${found.agents === 1 ? "is" : "are"} matched by no entry of the source list`;
  return [{ kind: "networks", subject: "networks", message, detail: { ...found } }];
}

/** One condition a source, by the failure that most agents met. */
function rejected({ rejected: found }: WatchedFacts): Condition[] {
  const telling = found.filter(isTelling).toSorted((one, other) => other.agents - one.agents);
  return [...Map.groupBy(telling, ({ source }) => source)].flatMap(([subject, [first]]): Condition[] => {
    if (first === undefined) return [];
    const { source: _, ...detail } = first;
    return [{ kind: "sources", subject, message: rejectedInWords(subject, first), detail }];
  });
}

/** A condition as it was written down, and when it was last said. */
export interface HeldCondition extends Condition {
  raisedAt: number;
}

/** An event that is to be raised, and whether its condition holds on. */
export interface Change {
  type: EventType;
  condition: Condition;
  holds: boolean;
}

/**
 * Differences between the conditions of the last look and of this one: one event for each that began or ended, and
 * for those that are to be said again.
 *
 * @param unknown kinds that this look could not tell of: they stay as they were
 */
export function changesOf(
  before: readonly HeldCondition[],
  now: readonly Condition[],
  time: number,
  unknown: ReadonlySet<ConditionKind> = new Set(),
): Change[] {
  const key = ({ kind, subject }: Condition) => `${kind} ${subject}`;
  const known = new Map(before.map((each) => [key(each), each]));
  const holding = new Set(now.map(key));
  const said = now.flatMap((condition): Change[] => {
    const held = known.get(key(condition));
    const { began, again } = CONDITIONS[condition.kind];
    const isDue = held === undefined || (again !== null && time - held.raisedAt >= again);
    return isDue ? [{ type: began, condition, holds: true }] : [];
  });
  const over = before.filter((each) => !holding.has(key(each)) && !unknown.has(each.kind));
  return [
    ...said,
    ...over.map((condition): Change => ({ type: CONDITIONS[condition.kind].ended, condition, holds: false })),
  ];
}
