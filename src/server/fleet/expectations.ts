import { expectedOf } from "../../core/fleet/agentState.ts";
import { parsePolicy } from "../../core/settings/policy.ts";
import { DEFAULT_SCHEDULE, longestPause } from "../../core/settings/schedule.ts";
import type { Context } from "../context.ts";
import type { DomainExpectation } from "../store/fleet/agentFilter.ts";
import { dropSeen, listSeen, noteSeen } from "../store/fleet/publicationStore.ts";
import { listPolicies } from "../store/settings/policyStore.ts";
import { transact } from "../store/transaction.ts";

/** Time (ms) for which publications are remembered: twice the longest schedule there can be. */
const REMEMBERED = 70 * 86_400_000;

/** Limits of what is fine, by the schedules of all domains: one for those of each schedule. */
export async function expectations({
  database: { db },
  now,
}: Pick<Context, "database" | "now">): Promise<DomainExpectation[]> {
  const publications = await listSeen(db);
  const usual = longestPause(DEFAULT_SCHEDULE, now());
  const pauses = new Map<string, number>();
  for (const { targets, settings } of await listPolicies(db)) {
    const { schedule } = parsePolicy(settings);
    const pause = schedule === undefined ? usual : longestPause(schedule, now());
    for (const domain of targets.domains) if (pause !== usual) pauses.set(domain, pause);
  }
  const others = Map.groupBy([...pauses], ([, pause]) => pause);
  return [
    ...[...others].map(([pause, domains]) => ({
      domains: { in: domains.map(([domain]) => domain) },
      ...expectedOf(pause, publications, now()),
    })),
    { domains: { notIn: [...pauses.keys()] }, ...expectedOf(usual, publications, now()) },
  ];
}

/** The limits for the agents of one domain. */
export function expectationOf(all: readonly DomainExpectation[], domain: string): DomainExpectation {
  const found = all.find(({ domains }) =>
    "in" in domains ? domains.in.includes(domain) : !domains.notIn.includes(domain),
  );
  if (found === undefined) throw new Error(`there is no expectation of ${domain}`);
  return found;
}

/** Writes down which publications are served, and since when. */
export async function notePublications({ database, trees, now }: Context): Promise<void> {
  const known = await listSeen(database.db);
  const fresh = Object.entries(trees.versions()).filter(
    ([repository, version]) =>
      !known.some((each) => each.repository === repository && each.version === version),
  );
  if (fresh.length === 0) return;
  await transact(database.db, async (tx) => {
    for (const [repository, version] of fresh) await noteSeen(tx, { repository, version, seenAt: now() });
    await dropSeen(tx, now() - REMEMBERED);
  });
}
