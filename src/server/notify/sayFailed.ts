import { amountOf } from "../../core/amounts.ts";
import type { Context } from "../context.ts";
import { countTold } from "../store/notifications/notificationStore.ts";
import type { Tx } from "../store/transaction.ts";
import { raiseEvent } from "../watch/raiseEvent.ts";

/** Raises an event where a notification that has ended did not reach all, or some of its runs failed. */
export async function sayFailed(tx: Tx, context: Context, id: string): Promise<void> {
  const counts = await countTold(tx, id);
  const { done, failed, unreachable } = counts;
  if (failed + unreachable === 0) return;
  const message = `a notification has ended: ${amountOf(done, "agent")} ${done === 1 ? "is" : "are"} done, ${failed} failed, ${unreachable} could not be reached`;
  await raiseEvent(tx, context, { type: "notification.failed", subject: id, message, detail: { counts } });
}
