import { allRoutes } from "../allRoutes.ts";
import type { Context } from "../context.ts";
import type { Database } from "../store/database.ts";
import { say } from "../store/wakeUps.ts";
import { resourcesOf } from "./changedBy.ts";
import { ChangeFeed } from "./changeFeed.ts";

/** The feed of a server's database: what is noted is said to all its servers. */
export function openChanges({ db }: Database): ChangeFeed {
  return new ChangeFeed(resourcesOf(allRoutes), (resources) => say(db, "changed", resources));
}

/** Has a server hear what it and the others say: for pages, and for agents whose requests it holds. */
export async function listen({ wakeUps, changes, polls, database }: Context): Promise<void> {
  wakeUps.on("changed", (words) => changes.hear(words));
  wakeUps.on("agents", (ids) => polls.wakeSome(ids));
  await wakeUps.start(database);
}
