import path from "node:path";
import type { AgentHealth, HeldMetadata } from "../core/agentHealth.ts";
import { REPOSITORIES } from "../core/layout.ts";
import { isSuccess } from "../core/report.ts";
import { explainError } from "../errors.ts";
import { type DataDir, readIfThere } from "../io/files.ts";
import { currentNumber } from "../io/generations.ts";
import { readState, type State } from "../io/state.ts";
import { describeRole, newestSets } from "../io/trustedSet.ts";
import { VERSION } from "../version.ts";
import type { ResidentState } from "./residentState.ts";

export interface HealthOptions {
  dirs: DataDir;
  role: AgentHealth["role"];
  port: number | null;
  /** What the agent says of itself. */
  said: ResidentState;
}

/**
 * What monitors are told: of the agent, and of what its runs and those by hand left on disk. What cannot
 * be read is said, and is no reason to say nothing.
 */
export async function describeHealth({ dirs, role, port, said }: HealthOptions): Promise<AgentHealth> {
  const health: AgentHealth = {
    ...{ version: VERSION, role, port, next: said.next, running: said.running },
    ...{ ...newestRun(said, undefined), generation: 0, metadata: [] },
  };
  try {
    const state = await readState(dirs);
    Object.assign(health, newestRun(said, state.lastRun));
    health.generation = (await currentNumber(dirs)) ?? 0;
    health.metadata = await heldMetadata(dirs, state.fresh);
  } catch (error) {
    health.problem = explainError(error);
  }
  return health;
}

/** The newest of this agent's own runs and of that which any process ended last. */
function newestRun(
  { runs, lastSuccess: ownSuccess }: ResidentState,
  last: State["lastRun"],
): Pick<AgentHealth, "lastRun" | "lastSuccess"> {
  const lastSuccess = ownSuccess ?? null;
  const [run] = runs;
  const own = run && { trigger: run.trigger, ended: run.ended, outcome: run.outcome, code: run.code };
  if (last === undefined || Date.parse(last.ended) <= Date.parse(own?.ended ?? "")) {
    return { lastRun: own ?? null, lastSuccess };
  }
  const { trigger, outcome, failure } = last.report;
  const lastRun = { trigger, ended: last.ended, outcome: failure === undefined ? outcome : "taken back" };
  return {
    lastRun: { ...lastRun, ...(failure === undefined ? {} : { code: failure.code }) },
    lastSuccess: isSuccess(last.report) ? last.ended : lastSuccess,
  };
}

async function heldMetadata(dirs: DataDir, fresh: State["fresh"]): Promise<HeldMetadata[]> {
  const sets = await newestSets(dirs);
  const found: HeldMetadata[] = [];
  for (const repository of REPOSITORIES) {
    const file = path.join(dirs.metadata, repository, String(sets[repository]), "timestamp.json");
    const timestamp = describeRole(await readIfThere(file));
    if (timestamp === undefined) continue;
    const { version, expires } = timestamp;
    found.push({ repository, version, expires, confirmed: fresh[repository] ?? null });
  }
  return found;
}
