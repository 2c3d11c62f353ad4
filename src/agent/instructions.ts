import { readConfig } from "../config/config.ts";
import type { Config } from "../config/configSchema.ts";
import type { Kind } from "../core/content/kind.ts";
import { DEFAULT_SCHEDULE, type Schedule } from "../core/settings/schedule.ts";
import { openDataDir } from "../store/openDataDir.ts";
import { openIdentity } from "../store/state/identity.ts";
import { readState } from "../store/state/state.ts";
import type { LastRun } from "../store/state/stateFormat.ts";
import { newestSets, readTrustedSet, type TrustedSet } from "../tuf/trustedSet.ts";
import { remarksOnDocuments, remarksOnKinds } from "../update/settings/remarks.ts";
import { type Settings, settingsInForce } from "../update/settings/settings.ts";
import {
  asksServerFirst,
  kindsOf,
  type Standing,
  standingOf,
  uncoveredOf,
} from "../update/settings/situation.ts";

/**
 * The instructions of a resident agent: plain data, made by another process. Reading and checking
 * configuration, policy and grants takes code that the resident one would hold for ever.
 */
export interface Instructions {
  config: Config;
  agentId: string;
  schedule: Schedule;
  /** Longest delay (ms) between a notification and its run. */
  window: number;
  role: "agent" | "update-agent";
  /** The kinds that it may serve. */
  granted: Kind[];
  /** Shipped roots of the repositories that its runs refresh: no other's news concern it. */
  roots: Config["roots"];
  /**
   * Start of the last run of any process, if that got all that this agent's own would; ms since the epoch.
   */
  succeeded?: number | undefined;
  /** Remarks on settings that are valid and hardly intended, for the log. */
  remarks: string[];
  /** The trusted sets that this was read from: once there are others, so may the instructions be. */
  sets: Awaited<ReturnType<typeof newestSets>>;
}

/**
 * The instructions by a configuration file, with the data directory made ready for them.
 *
 * @throws NearsourceError of the configuration, settings and storage phases
 */
export async function readInstructions(file: string, env: NodeJS.ProcessEnv): Promise<Instructions> {
  const config = await readConfig(file, env);
  const dirs = await openDataDir(config.dataDir);
  // An agent's id has to be the same from its first instructions on.
  if ((await readState(dirs)).agentId === "") await openIdentity(dirs);
  return await instructionsBy(config);
}

/**
 * The instructions by a configuration and the settings in force now.
 *
 * @throws NearsourceError of the settings phase, for a local file
 */
export async function instructionsBy(config: Config): Promise<Instructions> {
  const dirs = await openDataDir(config.dataDir);
  const { agentId, lastRun } = await readState(dirs);
  const sets = await newestSets(dirs);
  const trusted = await readTrustedSet(dirs, "settings");
  const settings = await settingsInForce(config, trusted, agentId);
  const { policy, role, granted } = settings;
  const run = standingOf(config);
  const kinds = coveredKinds(run, settings);
  return {
    config,
    agentId,
    schedule: policy.schedule ?? DEFAULT_SCHEDULE,
    window: isNewcomer(config, trusted)
      ? Math.min(policy.notify.window, NEWCOMER_WINDOW)
      : policy.notify.window,
    role,
    granted,
    roots: followedRoots(config, kinds),
    succeeded: lastRun !== undefined && gotAll(lastRun, kinds) ? Date.parse(lastRun.started) : undefined,
    remarks: [...(await remarksOnKinds(run, settings)), ...(await remarksOnDocuments(config, trusted))],
    sets,
  };
}

/** Longest delay (ms) of an agent that a site has not told anything yet: somebody waits for it, and few start at once. */
const NEWCOMER_WINDOW = 5_000;

/** Whether this agent follows a site's settings, and has none of them yet. */
function isNewcomer({ roots }: Config, trusted: TrustedSet | undefined): boolean {
  return roots.settings !== undefined && trusted === undefined;
}

/** The kinds that a run can get from anybody. */
function coveredKinds(run: Standing, settings: Settings): Kind[] {
  const kinds = kindsOf(run.config, undefined, settings.policy.kinds);
  const uncovered = uncoveredOf(run, settings, kinds).kinds;
  return kinds.filter((kind) => !uncovered.includes(kind));
}

/** Whether a run brought these kinds, or found them current; settings may have come before its first attempt. */
function gotAll({ report }: LastRun, kinds: Kind[]): boolean {
  const delivered = new Set(report.attempts.flatMap((attempt) => attempt.delivered));
  return report.failure === undefined && kinds.every((kind) => kind === "settings" || delivered.has(kind));
}

function followedRoots(config: Config, kinds: Kind[]): Config["roots"] {
  const { content, settings } = config.roots;
  return {
    ...(kinds.some((kind) => kind !== "settings") ? { content } : {}),
    ...(kinds.includes("settings") || asksServerFirst(config) ? { settings } : {}),
  };
}
