import { askEvery } from "../../core/fleet/notification/hold.ts";
import type { Context } from "../context.ts";
import { type FoundUpdateAgent, findUpdateAgents } from "../settings/updateAgents.ts";
import { pollsOf } from "../store/fleet/agentStore.ts";
import { holdOffered } from "./answerPoll.ts";

/** A holder of the role, and when it last asked for notifications (ms), where it did so and does no longer. */
export type WatchedUpdateAgent = FoundUpdateAgent & { lostAt: number | null };

/** Holders of the role. One that reported since it last asked goes by its schedule, and is not lost for not asking. */
export async function watchedUpdateAgents(context: Context): Promise<WatchedUpdateAgent[]> {
  const { database, polls, now } = context;
  const found = await findUpdateAgents(context);
  const hold = await holdOffered(context);
  const ids = found.map(({ id }) => id);
  const known = new Map((await pollsOf(database.db, ids)).map((each) => [each.id, each]));
  return found.map((agent) => {
    const { polledAt = null, reportedAt = null } = known.get(agent.id) ?? {};
    const asks = polledAt !== null && (reportedAt ?? 0) <= polledAt + askEvery(hold);
    const isLost = asks && !polls.isThere(agent.id, polledAt, hold, now());
    return { ...agent, lostAt: isLost ? polledAt : null };
  });
}
