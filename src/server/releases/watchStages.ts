import { explainError } from "../../errors.ts";
import { sharedNext } from "../../source/oneAtATime.ts";
import type { Context } from "../context.ts";
import { listRollouts } from "../store/releases/releaseStore.ts";
import { stateOf } from "./applyChange.ts";
import { haltOnEvidence } from "./haltRelease.ts";
import { seeReleases } from "./seeReleases.ts";
import { stagesInProgress, witnesses } from "./stagesInProgress.ts";

/**
 * One look: releases that are new here are noted, and stages that went badly halted. All that it goes by is in the
 * database, so that it does not matter which server looks, or whether one was killed in between.
 */
export async function watchStages(context: Context): Promise<void> {
  // A repository that cannot be read keeps no stage from being halted.
  const unseen = await seeReleases(context).then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  for (const { component, stages } of await listRollouts(context.database.db)) {
    if (stages.length > 0) await watchComponent(context, component);
  }
  if (unseen !== undefined) throw unseen.error;
}

async function watchComponent(context: Context, component: string): Promise<void> {
  const state = await stateOf(context.database.db, component);
  const halted = new Set<number>();
  for (const each of await stagesInProgress(context, state)) {
    if (!each.verdict.halt || halted.has(each.release)) continue;
    halted.add(each.release);
    const evidence = { ...each.evidence, agents: await witnesses(context, each) };
    await haltOnEvidence(context, { component, release: each.release, evidence });
  }
}

/** Part of the time at most that looks take: of a large fleet they are further apart. */
const SHARE = 0.1;

/**
 * Looks now, regularly, and whenever there is something newer in the trees.
 *
 * @returns ends it, once the look under way is over
 */
export function startWatch(context: Context): () => Promise<void> {
  const { trees, log, config } = context;
  let failure: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const look = sharedNext(async () => {
    clearTimeout(timer);
    if (isOver) return;
    const began = performance.now();
    try {
      await watchStages(context);
      failure = undefined;
    } catch (error) {
      const reason = explainError(error);
      if (reason !== failure) log.error(`the stages of releases could not be looked at: ${reason}`);
      failure = reason;
    }
    const pause = Math.max(config.releases.watchEvery, (performance.now() - began) / SHARE);
    if (!isOver) timer = setTimeout(() => void look(), pause);
  });
  void look();
  trees.watch(() => void look());
  return async () => {
    isOver = true;
    clearTimeout(timer);
    await look();
  };
}
