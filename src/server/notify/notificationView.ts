import type { ToldCounts } from "../../core/fleet/notification/told.ts";
import type { Context } from "../context.ts";
import {
  countCurrent,
  countTold,
  findNotification,
  type Notification,
} from "../store/notifications/notificationStore.ts";
import { type Awaited, awaitedOf, unknownNotification } from "./awaited.ts";

/** A notification, and where its agents are; `current` of those that are done had it already, and did not run. */
export type NotificationView = Notification & {
  counts: ToldCounts;
  current: number;
  /** While Update Agents are told: those that the others wait for, and until when at most. */
  waitsFor: Awaited | null;
};

/** @throws Problem NOT_FOUND */
export async function notificationView(context: Context, id: string): Promise<NotificationView> {
  const { db } = context.database;
  const found = (await findNotification(db, id)) ?? unknownNotification();
  const waitsFor = await awaitedOf(context, found);
  return { ...found, counts: await countTold(db, id), current: await countCurrent(db, id), waitsFor };
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
