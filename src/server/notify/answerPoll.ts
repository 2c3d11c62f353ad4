import type { ServerResponse } from "node:http";
import { HOLD, holdSeconds } from "../../core/fleet/notification/hold.ts";
import { explainError } from "../../errors.ts";
import type { Context } from "../context.ts";
import type { Timestamps, Versions } from "../settings/publishedTrees.ts";
import { countAgents } from "../store/fleet/agentStore.ts";
import { type OpenTold, openToldOfAll } from "../store/notifications/toldStore.ts";
import { type HeldPoll, HeldPolls, type PollAnswer, RUN } from "./heldPolls.ts";
import { acknowledge, isToWait, noteAnswered } from "./settle.ts";

export interface Poll {
  agentId: string;
  /** Versions of the newest timestamps that the agent holds or has verified. */
  versions: Versions;
  /** Seconds for which the agent waits; undefined for one that knows of one time only. */
  hold: number | undefined;
}

/** Greatest age (ms) of the number of agents that the time goes by. */
const COUNTED_FOR = 60_000;

/** Holds a request, whose answer will have these header fields beside its own. */
type Hold = (response: ServerResponse, headers: Record<string, string>) => void;

type Means = Pick<Context, "trees" | "database" | "now">;

/** Opens the place where requests are held, which are answered by what is published and who is to be told. */
export function openPolls(means: Means & Pick<Context, "log"> & { random: () => number }): HeldPolls {
  const failed = (error: unknown) =>
    means.log.error(`agents that wait could not be answered: ${explainError(error)}`);
  return new HeldPolls(means.trees, (polls) => newsFor(means, polls), failed, means.random, means.now());
}

/**
 * Answers an agent that asks for notifications: with the timestamps that are newer than its own as soon as
 * there are some and it is its turn, else with none once its time is over. An agent that a notification is
 * still to tell waits until then, so that those who ask are spread as well as those who are reached.
 *
 * @returns the timestamps, or what holds the request until there are some; and the seconds for which the next
 *   request will be held
 */
export async function answerPoll(
  context: Context,
  { agentId, versions, hold = HOLD.least }: Poll,
): Promise<{ body: Timestamps | undefined; run?: boolean; hold: number; held?: Hold }> {
  const { polls, now } = context;
  const offered = await holdOffered(context);
  polls.note(agentId, now());
  const poll = polls.enter(agentId, versions, { hold: Math.min(hold, offered), offered });
  try {
    const [news] = await newsFor(context, [poll]);
    if (news === undefined) {
      return {
        body: undefined,
        hold: offered,
        held: (response, headers) => polls.hold(poll, response, headers),
      };
    }
    polls.leave(poll);
    if (news === RUN) return { body: undefined, run: true, hold: offered };
    return { body: JSON.parse(news), hold: offered };
  } catch (error) {
    polls.leave(poll);
    throw error;
  }
}

/** The answers to requests. */
async function newsFor(means: Means, polls: readonly HeldPoll[]): Promise<(PollAnswer | undefined)[]> {
  const { trees, database } = means;
  const ids = [...new Set(polls.map(({ agentId }) => agentId))];
  const told = await openToldOfAll(database.db, ids, ["waiting", "notified", "unreachable"]);
  const byAgent = Map.groupBy(told, ({ agentId }) => agentId);
  const openOf = ({ agentId }: HeldPoll) => byAgent.get(agentId) ?? [];
  const knowing: OpenTold[] = [];
  const answered: OpenTold[] = [];
  const texts = new Map<string, string>();
  const news = polls.map((poll) => {
    const newer = trees.newerThan(poll.versions);
    if (newer === undefined) {
      const wished = openOf(poll).filter((each) => each.run && each.state !== "notified" && !isToWait(each));
      answered.push(...wished);
      knowing.push(...openOf(poll).filter((each) => !wished.includes(each)));
      return wished.length === 0 ? undefined : RUN;
    }
    if (openOf(poll).some(isToWait)) return undefined;
    answered.push(...openOf(poll));
    return textOf(newer, texts);
  });
  await acknowledge(means, knowing);
  await noteAnswered(means, answered);
  return news;
}

/** All that wait are told the same two timestamps, or one of them: their text is made once. */
function textOf(newer: Timestamps, texts: Map<string, string>): string {
  const key = Object.keys(newer).join();
  const text = texts.get(key) ?? JSON.stringify(newer);
  texts.set(key, text);
  return text;
}

/** Seconds for which requests are held, by the size of the fleet. */
export async function holdOffered({
  polls,
  database,
  now,
}: Pick<Context, "polls" | "database" | "now">): Promise<number> {
  if (polls.fleet === undefined || Math.abs(now() - polls.fleet.at) >= COUNTED_FOR) {
    polls.fleet = { agents: await countAgents(database.db, {}), at: now() };
  }
  return holdSeconds(polls.fleet.agents);
}
