import { retryDelay } from "../../settings/schedule.ts";

/** Agents that a fleet takes each second without Update Agents, what each Update Agent adds, and the most. */
const PACE = { least: 50, ofUpdateAgent: 20, most: 500 };
/** Longest time (ms) that all others wait for Update Agents which have not said that they are done. */
export const SYNC_BOUND = 600_000;
/** Pauses (ms) between the attempts to reach an agent, and how long after the first of them it is given up. */
const BACK_OFF = { first: 60_000, longest: 3_600_000 };
export const GIVE_UP = 86_400_000;
/**
 * State of a notification: Update Agents are told, then all others over the window, then only reports and
 * agents that could not be reached are awaited. A newer notification may have taken over before its end.
 */
export type NotificationState = "update-agents" | "spreading" | "told" | "ended" | "absorbed";

/** Facts that decide about the state that follows. Times in milliseconds since the epoch. */
export interface NotificationProgress {
  state: NotificationState;
  startedAt: number;
  /** There are Update Agents that are to be told, or have not reported since. */
  updateAgentsOpen: boolean;
  /** There are agents that are to be told for the first time. */
  waiting: boolean;
  /** There are agents whose report is awaited, or that are to be tried again. */
  awaited: boolean;
}

/** The state that follows at this moment; none is ever passed over, and none comes again. */
export function nextState(progress: NotificationProgress, now: number): NotificationState {
  const { state, startedAt, updateAgentsOpen, waiting, awaited } = progress;
  if (state === "update-agents") {
    return updateAgentsOpen && now - startedAt < SYNC_BOUND ? state : "spreading";
  }
  if (state === "spreading") return waiting ? state : "told";
  if (state === "told") return waiting || awaited ? state : "ended";
  return state;
}

/** Time (ms) over which so many agents are told: what they will ask is served by Update Agents and the server. */
export function spreadWindow({ agents, updateAgents }: { agents: number; updateAgents: number }): number {
  const perSecond = Math.min(PACE.least + PACE.ofUpdateAgent * updateAgents, PACE.most);
  return Math.ceil((agents / perSecond) * 1_000);
}

/** Number of agents of a spread that are to have been told by now: one at its start, all at its end. */
export function placesDue(
  { agents, startedAt, window }: { agents: number; startedAt: number; window: number },
  now: number,
): number {
  const passed = now - startedAt;
  if (passed >= window) return agents;
  return Math.min(agents, 1 + Math.floor((agents * Math.max(passed, 0)) / window));
}

/**
 * Time at which an agent that could not be reached is tried again; null once it is given up.
 *
 * @param attempts those made so far
 * @param firstAt time of the first
 * @param random in [0, 1)
 */
export function nextAttemptAt(
  { attempts, firstAt }: { attempts: number; firstAt: number },
  now: number,
  random: number,
): number | null {
  return now - firstAt >= GIVE_UP ? null : now + retryDelay(attempts, random, BACK_OFF);
}
