import type { ServerResponse } from "node:http";
import { formatRelayState, pauseWhileFilling, type RelayState, STATE_HEADER } from "../../http/relayState.ts";
import { type Headers, refuse } from "../../tree/answerDocument.ts";
import type { CatalogObject } from "../../tree/catalog.ts";
import type { Objects } from "../fill/objects.ts";
import type { RelayStats } from "../stats.ts";

export interface RefusalParts {
  objects: Pick<Objects, "missing">;
  stats: RelayStats;
  /** Bytes a second that come from upstream; undefined when that is not known. */
  fillRate(): number | undefined;
}

/** Seconds after which a client that was sent away may ask again. */
const RETRY_AFTER = 10;
const RETRY_WHEN_LATE = 60;

/** The state reported to a client for each reason to refuse it. */
const STATE_OF: Record<keyof RelayStats["refusals"], RelayState["state"]> = {
  transfers: "full",
  client: "full",
  room: "room",
  loop: "unavailable",
  upstream: "unavailable",
  filling: "filling",
  late: "late",
};

export function refuseFor(
  { stats }: Pick<RefusalParts, "stats">,
  response: ServerResponse,
  reason: keyof RelayStats["refusals"],
  state: RelayState = { state: STATE_OF[reason] },
): void {
  stats.refusals[reason]++;
  if (response.destroyed) return;
  const pause = reason === "late" ? RETRY_WHEN_LATE : RETRY_AFTER;
  const isFilling = state.state === "filling";
  refuse(response, 503, isFilling ? stateHeaders(state) : { ...stateHeaders(state), "retry-after": pause });
}

/** The object is on its way, and its client does well to wait for it. */
export function refuseFilling(parts: RefusalParts, object: CatalogObject, response: ServerResponse): void {
  const missing = parts.objects.missing([object]);
  const rate = parts.fillRate();
  const seconds = rate === undefined ? undefined : missing / rate;
  refuseFor(parts, response, "filling", { state: "filling", missing, seconds });
}

export function stateHeaders(state: RelayState): Headers {
  return { [STATE_HEADER]: formatRelayState(state), "retry-after": pauseWhileFilling(state) };
}
