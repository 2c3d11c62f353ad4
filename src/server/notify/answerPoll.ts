import { HOLD, holdSeconds } from "../../core/fleet/notification/hold.ts";
import type { Context } from "../context.ts";
import type { Timestamps, Versions } from "../settings/publishedTrees.ts";
import { countAgents } from "../store/fleet/agentStore.ts";
import { openToldOf } from "../store/notifications/toldStore.ts";
import { acknowledge, noteAnswered } from "./settle.ts";

export interface Poll {
  agentId: string;
  /** Versions of the newest timestamps that the agent holds or has verified. */
  versions: Versions;
  /** Seconds for which the agent waits; undefined for one that knows of one time only. */
  hold: number | undefined;
  /** Aborts when the agent has hung up. */
  gone: AbortSignal;
}

/** Greatest age (ms) of the number of agents that the time goes by. */
const COUNTED_FOR = 60_000;

/**
 * Answers an agent that asks for notifications: with the timestamps that are newer than its own as soon as
 * there are some and it is its turn, else with none once its time is over. An agent that a notification is
 * still to tell waits until then, so that those who ask are spread as well as those who are reached.
 *
 * @returns the timestamps, and the seconds for which the next request will be held
 */
export async function answerPoll(
  context: Context,
  { agentId, versions, hold = HOLD.least, gone }: Poll,
): Promise<{ body: Timestamps | undefined; hold: number }> {
  const { polls, now } = context;
  const offered = await holdOffered(context);
  polls.note(agentId, now());
  const { poll, leave } = polls.enter(agentId, Math.min(hold, offered) * 1_000, gone);
  try {
    for (;;) {
      const change = poll.next();
      const body = poll.over ? undefined : await newsFor(context, agentId, versions);
      if (body !== undefined || poll.over) return { body, hold: offered };
      await change;
    }
  } finally {
    leave();
  }
}

async function newsFor(
  context: Context,
  agentId: string,
  versions: Versions,
): Promise<Timestamps | undefined> {
  const { trees, database } = context;
  const newer = trees.newerThan(versions);
  const open = await openToldOf(database.db, agentId, ["waiting", "notified", "unreachable"]);
  if (newer === undefined) {
    await acknowledge(context, agentId, open);
    return undefined;
  }
  if (open.some(({ state }) => state === "waiting")) return undefined;
  await noteAnswered(context, agentId, open);
  return newer;
}

async function holdOffered({ polls, database, now }: Context): Promise<number> {
  if (polls.fleet === undefined || Math.abs(now() - polls.fleet.at) >= COUNTED_FOR) {
    polls.fleet = { agents: await countAgents(database.db, {}), at: now() };
  }
  return holdSeconds(polls.fleet.agents);
}
