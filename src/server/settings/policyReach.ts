import { type DomainSize, shareOf } from "../../core/fleet/rolloutReach.ts";
import { countByDomain, countDomains } from "../store/releases/componentStore.ts";
import { listReleases } from "../store/releases/releaseStore.ts";
import type { Policy } from "../store/settings/policyStore.ts";
import type { Db } from "../store/transaction.ts";

/** Components whose counts are read; a change of more reaches everybody whom it is for. */
const MOST_COMPONENTS = 50;

type Held = Pick<Policy, "targets" | "settings">;

/**
 * Share of the fleet, from 0 to 1, that a change of a policy gives another release: the agents of a domain whose
 * holds change, but for those that have already what they are to have.
 *
 * @param before undefined for a policy that is made, `after` for one that is deleted
 */
export async function reachOfPolicy(
  db: Db,
  before: Held | undefined,
  after: Held | undefined,
  now: number,
): Promise<number> {
  const sizes = await countDomains(db, now);
  const goals = new Set<string>();
  const known = new Map<string, Awaited<ReturnType<typeof holdersOf>>>();
  let reached = 0;
  for (const { domain, agents } of sizes) {
    const changed = changedHolds(holdsOf(before, domain), holdsOf(after, domain));
    for (const each of changed) goals.add(`${each.component} ${each.release}`);
    if (goals.size > MOST_COMPONENTS) return shareOf(agentsOfTargets(sizes, before, after), sizes);
    let others = 0;
    for (const { component, release } of changed) {
      const held = known.get(component) ?? (await holdersOf(db, component));
      known.set(component, held);
      const goal = release ?? held.newest;
      const has = held.counts.find((each) => each.domain === domain && each.release === goal);
      others += agents - (has?.agents ?? 0);
    }
    reached += Math.min(agents, others);
  }
  return shareOf(reached, sizes);
}

/** Share of the fleet that another domain of one agent reaches: one agent, where it changes which releases that gets. */
export async function reachOfMove(
  db: Db,
  from: { domain: string; policy: Held | undefined },
  to: { domain: string; policy: Held | undefined },
  now: number,
): Promise<number> {
  const isHeld = changedHolds(holdsOf(from.policy, from.domain), holdsOf(to.policy, to.domain)).length > 0;
  if (!isHeld && !(await areStagesOf(db, [from.domain, to.domain]))) return 0;
  return shareOf(1, await countDomains(db, now));
}

async function areStagesOf(db: Db, domains: string[]): Promise<boolean> {
  const rows = await db.selectFrom("rollouts").select("stages").execute();
  return rows.some(({ stages }) =>
    (JSON.parse(stages) as { domains?: string[] }[]).some((stage) =>
      domains.some((domain) => stage.domains?.includes(domain) === true),
    ),
  );
}

/** Holds of a policy, for a domain that it may be for. */
function holdsOf(policy: Held | undefined, domain: string): Record<string, number> {
  if (policy?.targets.domains.includes(domain) !== true) return {};
  return (policy.settings.holds ?? {}) as Record<string, number>;
}

/** Components whose hold changes; `release` is undefined where none is left. */
function changedHolds(before: Record<string, number>, after: Record<string, number>) {
  const components = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...components]
    .filter((component) => before[component] !== after[component])
    .map((component) => ({ component, release: after[component] }));
}

/** The newest release of a component that is offered, and the agents of each domain by the release that they have. */
async function holdersOf(db: Db, component: string) {
  const newest = (await listReleases(db, component)).find(({ offered }) => offered)?.release;
  return { newest, counts: await countByDomain(db, component) };
}

function agentsOfTargets(sizes: readonly DomainSize[], ...policies: (Held | undefined)[]): number {
  const domains = new Set(policies.flatMap((policy) => policy?.targets.domains ?? []));
  return sizes.filter(({ domain }) => domains.has(domain)).reduce((sum, { agents }) => sum + agents, 0);
}
