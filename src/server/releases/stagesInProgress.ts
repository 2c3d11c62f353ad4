import {
  type Evidence,
  type StageVerdict,
  stageVerdict,
  type Witness,
} from "../../core/fleet/stageVerdict.ts";
import type { Stage } from "../../core/settings/rollout.ts";
import { DEFAULT_SCHEDULE, longestPause } from "../../core/settings/schedule.ts";
import type { Context } from "../context.ts";
import { policiesInForce } from "../settings/fleetSettings.ts";
import { countStage, type StageQuestion, witnessesOf } from "../store/releases/componentStore.ts";
import type { StoredRelease } from "../store/releases/releaseStore.ts";
import type { RolloutState } from "./rolloutChange.ts";

/** A stage that has come for a release, and how it goes. Times in ms. */
export interface StageInProgress {
  release: number;
  /** From 1. */
  stage: number;
  question: StageQuestion;
  evidence: Omit<Evidence, "agents">;
  verdict: StageVerdict;
}

/** Time (ms) for which a stage is watched after it came, at least. */
const WATCHED = 259_200_000;

/** Stages of a component's releases that have come and are still watched, each with its verdict. */
export async function stagesInProgress(context: Context, state: RolloutState): Promise<StageInProgress[]> {
  const { rollout, releases } = state;
  if (rollout.stages.length === 0 || rollout.pin !== null) return [];
  const found: StageInProgress[] = [];
  for (const release of releases) {
    if (!release.offered || release.halt !== null || release.seenAt === 0) continue;
    for (const index of rollout.stages.keys()) {
      const question = await questionOf(context, state, release, index);
      if (question !== undefined) found.push(await judge(context, state, question, index + 1));
    }
  }
  return found;
}

async function questionOf(
  context: Context,
  { rollout }: RolloutState,
  { component, release, seenAt }: StoredRelease,
  index: number,
): Promise<StageQuestion | undefined> {
  const stage = rollout.stages[index];
  const now = context.now();
  if (stage === undefined || seenAt + stage.after > now) return undefined;
  const silence = rollout.limits.silence ?? 2 * (await pauseOf(context, stage));
  const open = seenAt + stage.after;
  if (now > open + Math.max(WATCHED, 4 * silence)) return undefined;
  return { component, release, stages: rollout.stages.slice(0, index + 1), open, silence, now };
}

async function judge(
  { database }: Context,
  { rollout }: RolloutState,
  question: StageQuestion,
  stage: number,
): Promise<StageInProgress> {
  const counts = await countStage(database.db, question);
  const { share } = rollout.limits;
  const verdict = stageVerdict(counts, share);
  const { bad, of, sentence } = verdict;
  const { open: opened, silence, release } = question;
  return {
    release,
    stage,
    question,
    verdict,
    evidence: { stage, opened, counts, bad, of, share, silence, sentence },
  };
}

/** Some of the agents that speak against a release, by name. */
export async function witnesses({ database }: Context, { question }: StageInProgress): Promise<Witness[]> {
  return await witnessesOf(database.db, question, NAMED);
}

/** Agents of each sort that evidence names. */
const NAMED = 20;

/** Longest time (ms) between two runs of the agents of a stage. */
async function pauseOf(context: Context, { domains }: Stage): Promise<number> {
  const policies = await policiesInForce(context.database.db);
  const schedules = [...policies]
    .filter(([domain]) => domains === undefined || domains.includes(domain))
    .map(([, { schedule }]) => schedule ?? DEFAULT_SCHEDULE);
  const pauses = [DEFAULT_SCHEDULE, ...schedules].map((each) => longestPause(each, context.now()));
  return schedules.length === 0 ? (pauses[0] ?? 0) : Math.max(...pauses.slice(1));
}
