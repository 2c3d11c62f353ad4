/** Kinds of events that webhooks are told of, each with what it means; names as Standard Webhooks has them. */
export const EVENT_TYPES = {
  "agent.cloned": "A machine asked to be enrolled that is a copy of another one's disk.",
  "agent.doubled": "Two machines report as one agent.",
  "agents.outdated": "More of the fleet than the share in server.json fails or is not heard of.",
  "agents.recovered": "It is less again.",
  "expiry.ahead": "Something ends soon, or has ended; said once a day until it is renewed.",
  "expiry.renewed": "It was renewed, or is gone.",
  "limit.reached": "More was sent than this server keeps: what is beyond is refused, or not told apart.",
  "mirror.late": "The vendor's content was not renewed for as long as server.json says.",
  "mirror.recovered": "It was renewed.",
  "networks.covered": "Every agent is matched by an entry of the source list again.",
  "networks.uncovered": "Agents are in networks that no entry of the source list matches.",
  "notification.failed": "A notification has ended, and some agents failed or could not be reached.",
  "release.halted": "A release was halted.",
  "release.resumed": "A halted release goes on.",
  "sign_in.locked": "Somebody failed to sign in so often that guesses have to wait.",
  "source.recovered": "Agents got from it what verified again, or it is no source any more.",
  "source.rejected":
    "Agents rejected what a source sent: it is not the signed content, or is behind for more than a day.",
  "webhook.test": "Sent by the test button.",
} as const;

export type EventType = keyof typeof EVENT_TYPES;

/** Their names, in order. */
export const EVENT_NAMES = Object.keys(EVENT_TYPES) as EventType[];

const HOUR = 3_600_000;

/**
 * Time (ms) for which an event of the same kind and subject is not raised again; null for never again. The rest
 * is raised whenever its cause says so.
 */
export const QUIET: Partial<Record<EventType, number | null>> = {
  "agent.cloned": HOUR,
  "agent.doubled": 24 * HOUR,
  "limit.reached": HOUR,
  "notification.failed": null,
  "sign_in.locked": HOUR,
};
