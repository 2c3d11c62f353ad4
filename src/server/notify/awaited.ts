import { askEvery, goneBy } from "../../core/fleet/notification/hold.ts";
import { SYNC_BOUND } from "../../core/fleet/notification/spread.ts";
import { type By, writeAudit } from "../access/auditTrail.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import { takeTurn } from "../store/dialect.ts";
import {
  findNotification,
  type Gone,
  listAwaited,
  type Notification,
  updateNotification,
} from "../store/notifications/notificationStore.ts";
import { transact } from "../store/transaction.ts";
import { holdOffered } from "./answerPoll.ts";

/** Update Agents that are named at most. */
const NAMED = 20;

/** Update Agents that a notification waits for before it tells the others. */
export interface Awaited {
  /** The first by name. */
  agents: { id: string; name: string }[];
  total: number;
  /** When it goes on without them (ms since the epoch). */
  until: number;
}

/** Facts by which an Update Agent that asked lately has gone since. */
export async function goneNow(context: Pick<Context, "polls" | "database" | "now">): Promise<Gone> {
  const hold = await holdOffered(context);
  return { ...goneBy({ hold, openSince: context.polls.openSince }, context.now()), askEvery: askEvery(hold) };
}

/** Null for a notification that waits for nobody. */
export async function awaitedOf(
  context: Context,
  { id, state, createdAt }: Notification,
): Promise<Awaited | null> {
  if (state !== "update-agents") return null;
  const { items, total } = await listAwaited(context.database.db, id, await goneNow(context), NAMED);
  return { agents: items, total, until: createdAt + SYNC_BOUND };
}

/**
 * Has the others told now. Nothing happens to a notification that waits for no Update Agents, or does so no more.
 *
 * @throws Problem NOT_FOUND
 */
export async function tellOthers(context: Context, id: string, by: By): Promise<void> {
  const { database, now, changes } = context;
  await transact(database.db, async (tx) => {
    // A notification that begins at the same moment absorbs this one before, or after.
    await takeTurn(tx, "notification");
    const { state } = (await findNotification(tx, id)) ?? unknownNotification();
    if (state !== "update-agents") return;
    await updateNotification(tx, id, { state: "spreading", spreadAt: now() });
    await writeAudit(tx, { now }, by, { operation: "tellOthers", subject: id });
  });
  changes.note("notifications");
}

export function unknownNotification(): never {
  throw new Problem("NOT_FOUND", "no notification has this id");
}
