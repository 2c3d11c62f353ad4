import { isInStage } from "../content/stages.ts";
import type { Stage } from "../settings/rollout.ts";

/** A domain, and how many agents are in it. */
export interface DomainSize {
  domain: string;
  agents: number;
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
  const all = domains.reduce((sum, { agents }) => sum + agents, 0);
  if (all === 0) return 0;
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
  return reached / all;
}

/** Time (ms) after a release was first seen when it is for the agents of a domain from a place in the percent on. */
function opening(stages: readonly Stage[], domain: string, place: number): number {
  if (stages.length === 0) return 0;
  return stages.find((stage) => isInStage(stage, domain, place))?.after ?? Number.POSITIVE_INFINITY;
}
