import type { ToldCounts } from "../../core/fleet/notification/told.ts";
import { Problem } from "../api/problem.ts";
import type { Context } from "../context.ts";
import {
  countCurrent,
  countTold,
  findNotification,
  type Notification,
} from "../store/notifications/notificationStore.ts";

/** A notification, and where its agents are; `current` of those that are done had it already, and did not run. */
export type NotificationView = Notification & { counts: ToldCounts; current: number };

/** @throws Problem NOT_FOUND */
export async function notificationView({ database: { db } }: Context, id: string): Promise<NotificationView> {
  const found = await findNotification(db, id);
  if (found === undefined) throw new Problem("NOT_FOUND", "no notification has this id");
  return { ...found, counts: await countTold(db, id), current: await countCurrent(db, id) };
}

/**
 * Its events: all of it at first, and again whenever it is another.
 *
 * @returns undefined when too many are watching
 * @throws Problem NOT_FOUND
 */
export async function notificationEvents(
  context: Context,
  id: string,
  gone: AbortSignal,
): Promise<AsyncIterable<string> | undefined> {
  const look = () => notificationView(context, id);
  await look();
  return context.streams.open(`notification ${id}`, look, gone);
}
