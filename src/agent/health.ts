import type { AgentHealth, HeldMetadata } from "../core/agentHealth.ts";
import { outcomeWord } from "../core/report.ts";
import type { Trigger } from "../core/settings/schedule.ts";
import { explainError } from "../errors.ts";
import type { DataDir } from "../store/dataDir.ts";
import { currentNumber } from "../store/generations/generations.ts";
import { confirmedAt, lastSuccessOf, readState } from "../store/state/state.ts";
import type { State } from "../store/state/stateFormat.ts";
import { VERSION } from "../version.ts";
import { heldTimestamps } from "./machineFacts.ts";
import type { ResidentState } from "./residentState.ts";

export interface HealthOptions {
  dirs: DataDir;
  role: AgentHealth["role"];
  port: number | null;
  /** The state that the agent has written. */
  resident: ResidentState;
}

/**
 * The report for monitors: on the agent, and on the state that its runs and those by hand left on disk. Files
 * that cannot be read are named, and are no reason to report nothing.
 */
export async function describeHealth({ dirs, role, port, resident }: HealthOptions): Promise<AgentHealth> {
  const health: AgentHealth = {
    ...{ version: VERSION, role, port, next: resident.next, running: resident.running },
    ...{
      lastRun: newestRun(resident, {}),
      lastSuccess: resident.lastSuccess ?? null,
      generation: 0,
      metadata: [],
    },
  };
  try {
    const state = await readState(dirs);
    health.lastRun = newestRun(resident, state);
    health.lastSuccess = newest(resident.lastSuccess, lastSuccessOf(state));
    health.generation = (await currentNumber(dirs)) ?? 0;
    health.metadata = await heldMetadata(dirs, state);
  } catch (error) {
    health.problem = explainError(error);
  }
  return health;
}

/** The newest of this agent's own runs and of that which any process ended last, with a report or without. */
function newestRun(
  { runs }: ResidentState,
  { lastRun, lastFailure }: Pick<State, "lastRun" | "lastFailure">,
): AgentHealth["lastRun"] {
  const found: NonNullable<AgentHealth["lastRun"]>[] = [];
  const [own] = runs;
  if (own !== undefined) found.push(pastRun(own, own.outcome, own.code));
  if (lastRun !== undefined) {
    const { report, ended } = lastRun;
    found.push(pastRun({ trigger: report.trigger, ended }, outcomeWord(report), report.failure?.code));
  }
  if (lastFailure !== undefined) found.push(pastRun(lastFailure, "failed", lastFailure.code));
  return found.reduce<AgentHealth["lastRun"]>(
    (last, run) => (last !== null && last.ended >= run.ended ? last : run),
    null,
  );
}

function pastRun(
  { trigger, ended }: { trigger: Trigger; ended: string },
  outcome: string,
  code: string | undefined,
): NonNullable<AgentHealth["lastRun"]> {
  return { trigger, ended, outcome, ...(code === undefined ? {} : { code }) };
}

/** The later of two times in ISO 8601. */
function newest(one: string | undefined, other: string | undefined): string | null {
  return (
    [one, other]
      .filter((time) => time !== undefined)
      .toSorted()
      .at(-1) ?? null
  );
}

async function heldMetadata(dirs: DataDir, state: State): Promise<HeldMetadata[]> {
  const timestamps = await heldTimestamps(dirs);
  return timestamps.map(({ repository, version, expires, folder }) => ({
    repository,
    version,
    expires,
    confirmed: confirmedAt(state, repository, { version, folder }),
  }));
}
