import { retryDelay } from "../../settings/schedule.ts";

/** Pauses (ms) between the attempts to deliver an event, and how long it is tried. */
const BACK_OFF = { first: 10_000, longest: 3_600_000 };
export const GIVE_UP_AFTER = 86_400_000;

/** Answer of a receiver, or the error's code where there was none. */
export type DeliveryAnswer =
  /** `retryAfter` (ms): the time that it asks to be left alone. */
  { status: number; retryAfter?: number | undefined } | { code: string; status?: undefined };

/** Facts about a delivery that was just tried. Times in milliseconds since the epoch. */
export interface Tried {
  answer: DeliveryAnswer;
  /** Attempts with this one. */
  attempts: number;
  /** When the event was raised. */
  raisedAt: number;
  /** Since when nothing was delivered to this webhook; null where the attempt before was. */
  failingSince: number | null;
}

/** Consequences: of the delivery, and of its webhook. */
export interface Verdict {
  state: "delivered" | "waiting" | "failed";
  nextAt: number | null;
  /** HTTP status or error code of what went wrong; null where nothing did. */
  code: string | null;
  /** Reason for which nothing more is sent to the webhook; null where it goes on. */
  disable: string | null;
}

/**
 * Decides what follows an attempt: anything but 2xx is tried again, ever more seldom, for a day. A webhook to which
 * nothing could be delivered for a day, or that says it is gone (410), is not tried any more.
 *
 * @param random in [0, 1)
 */
export function verdictOf(
  { answer, attempts, raisedAt, failingSince }: Tried,
  now: number,
  random: number,
): Verdict {
  const { status } = answer;
  if (status !== undefined && status >= 200 && status < 300) {
    return { state: "delivered", nextAt: null, code: null, disable: null };
  }
  const code = status === undefined ? answer.code : `HTTP_${status}`;
  if (status === 410) return { state: "failed", nextAt: null, code, disable: "it answered 410 Gone" };
  const isLost = failingSince !== null && now - failingSince >= GIVE_UP_AFTER;
  if (isLost) {
    return { state: "failed", nextAt: null, code, disable: `nothing could be delivered for a day: ${code}` };
  }
  if (now - raisedAt >= GIVE_UP_AFTER) return { state: "failed", nextAt: null, code, disable: null };
  const asked = status === undefined ? 0 : Math.min(answer.retryAfter ?? 0, BACK_OFF.longest);
  const pause = Math.max(retryDelay(attempts, random, BACK_OFF), asked);
  return { state: "waiting", nextAt: now + pause, code, disable: null };
}
