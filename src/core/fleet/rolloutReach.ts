import { isInStage } from "../content/stages.ts";
import type { Stage } from "../settings/rollout.ts";

/** A domain, and how many agents are in it. */
export interface DomainSize {
  domain: string;
  agents: number;
  /** Of these, those that have reported, and were there a day ago. */
  settled: number;
}

/** Time (ms) after which an agent counts in the size of a fleet. */
export const SETTLED_AFTER = 86_400_000;

/**
 * Share of a fleet, from 0 to 1, that so many agents are. It is taken of the settled ones: machines that were enrolled just
 * now, or never said anything, may be made up, so that a change to all others would seem a small one. A fleet of none but such
 * counts whole.
 */
export function shareOf(reached: number, domains: readonly DomainSize[]): number {
  const sumOf = (count: (size: DomainSize) => number) => domains.reduce((sum, each) => sum + count(each), 0);
  const size = sumOf(({ settled }) => settled) || sumOf(({ agents }) => agents);
  return size === 0 ? 0 : Math.min(reached / size, 1);
}

/**
 * Share of a fleet, from 0 to 1, that gets releases sooner by other stages, or gets them at all: what a change of
 * stages reaches. Without stages, a release is for everybody at once. Agents are spread evenly over the percent,
 * so that none of them is looked at.
 */
export function reachOfStages(
  before: readonly Stage[],
  after: readonly Stage[],
  domains: readonly DomainSize[],
): number {
  const cuts = [...new Set([0, 100, ...[...before, ...after].map(({ percent }) => percent)])];
  const bounds = cuts.toSorted((one, other) => one - other);
  let reached = 0;
  for (const { domain, agents } of domains) {
    for (const [index, from] of bounds.entries()) {
      const to = bounds[index + 1];
      if (to === undefined) continue;
      const isSooner = opening(after, domain, from) < opening(before, domain, from);
      if (isSooner) reached += (agents * (to - from)) / 100;
    }
  }
  return shareOf(reached, domains);
}

/** Time (ms) after a release was first seen when it is for the agents of a domain from a place in the percent on. */
function opening(stages: readonly Stage[], domain: string, place: number): number {
  if (stages.length === 0) return 0;
  return stages.find((stage) => isInStage(stage, domain, place))?.after ?? Number.POSITIVE_INFINITY;
}
