import type { Evidence, Witness } from "../../core/fleet/stageVerdict.ts";
import { readCursor, toPage } from "../api/paging.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import {
  countAgentReleases,
  countByDomain,
  countFailed,
  countReleases,
  listAgentReleases,
  type ReleaseCount,
} from "../store/releases/componentStore.ts";
import {
  listReleases,
  listRollouts,
  type StoredRelease,
  type StoredRollout,
} from "../store/releases/releaseStore.ts";
import { stateOf } from "./applyChange.ts";
import { stagesInProgress, witnesses } from "./stagesInProgress.ts";

/** A release as people see it. Times in ms since the epoch. */
export interface ReleaseView extends Omit<StoredRelease, "component"> {
  /** Agents that have it, and agents at which it failed. */
  agents: number;
  failed: number;
  /** When each stage comes for it, in their order. */
  stages: number[];
}

/** A component with its releases, the newest first. */
export interface ComponentView extends StoredRollout {
  kind: string;
  name: string;
  state: "open" | "in stages" | "halted" | "pinned";
  releases: ReleaseView[];
}

/** The same, with who has what, and how its stages go. */
export interface ComponentDetail extends ComponentView {
  domains: { domain: string; release: number; agents: number }[];
  progress: (Evidence & { release: number; wouldHalt: boolean })[];
}

/** Every component that was ever offered here, with its releases and the numbers of agents that have them. */
export async function listComponents({ database: { db } }: Context): Promise<ComponentView[]> {
  const [releases, counts, failed] = [await listReleases(db), await countReleases(db), await countFailed(db)];
  const rollouts = await listRollouts(db);
  const by = <Item extends { component: string }>(items: Item[]) =>
    Map.groupBy(items, ({ component }) => component);
  const [releasesOf, countsOf, failedOf] = [by(releases), by(counts), by(failed)];
  return rollouts.map((rollout) => {
    const { component } = rollout;
    const own = releasesOf.get(component) ?? [];
    return viewOf(rollout, own, countsOf.get(component) ?? [], failedOf.get(component) ?? []);
  });
}

/**
 * One component, whole.
 *
 * @throws Problem NOT_FOUND
 */
export async function showComponent(context: Context, component: string): Promise<ComponentDetail> {
  const { db } = context.database;
  const state = await stateOf(db, component);
  const counts = await countReleases(db, component);
  const view = viewOf(state.rollout, state.releases, counts, await countFailed(db, component));
  const progress: ComponentDetail["progress"] = [];
  for (const each of await stagesInProgress(context, state)) {
    const agents: Witness[] = await witnesses(context, each);
    progress.push({ release: each.release, ...each.evidence, agents, wouldHalt: each.verdict.halt });
  }
  return { ...view, domains: await countByDomain(db, component), progress };
}

function viewOf(
  rollout: StoredRollout,
  releases: StoredRelease[],
  counts: ReleaseCount[],
  failed: { release: number; agents: number }[],
): ComponentView {
  const [kind = "", name = ""] = rollout.component.split("/");
  const sum = (all: { release: number; agents: number }[], release: number) =>
    all.filter((each) => each.release === release).reduce((total, { agents }) => total + agents, 0);
  const shown = releases
    .filter(({ offered, release, halt }) => offered || halt !== null || sum(counts, release) > 0)
    .map(({ component: _, ...each }) => ({
      ...each,
      agents: sum(counts, each.release),
      failed: sum(failed, each.release),
      stages: rollout.stages.map(({ after }) => each.seenAt + after),
    }));
  return { ...rollout, kind, name, state: stateOfComponent(rollout, releases), releases: shown };
}

function stateOfComponent(rollout: StoredRollout, releases: StoredRelease[]): ComponentView["state"] {
  const newest = releases.find(({ offered }) => offered);
  if (rollout.pin !== null) return "pinned";
  if (newest !== undefined && newest.halt !== null) return "halted";
  return rollout.stages.length === 0 ? "open" : "in stages";
}

/**
 * A part of the agents of a component, each with what it has of it.
 *
 * @throws Problem NOT_FOUND, PARAMETER_INVALID for a cursor that is none
 */
export async function agentsOfComponent(
  { database: { db } }: Context,
  component: string,
  { release, failed, ...page }: { release?: number; failed?: number; cursor?: string; limit?: number },
) {
  await stateOf(db, component);
  const { after, limit } = readCursor(page, (place): place is string => typeof place === "string");
  const filter = { component, release, failed };
  const found = await listAgentReleases(db, filter, { after, limit: limit + 1 });
  return toPage(found, limit, await countAgentReleases(db, filter), ({ id }) => id);
}

/** `kind/name` of a component of a path. */
export function componentOf({ kind, name }: { kind: string; name: string }): string {
  return `${kind}/${name}`;
}

/** @throws Problem REFUSED where nothing can be halted */
export async function newestRelease({ database: { db } }: Context, component: string): Promise<number> {
  const { releases } = await stateOf(db, component);
  const newest = releases.find(({ offered, halt }) => offered && halt === null);
  if (newest === undefined)
    throw new Problem(
      "REFUSED",
      "no release of it is offered that is not halted: resume one, or name the release",
    );
  return newest.release;
}
