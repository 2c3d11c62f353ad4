import { senderOf } from "../http/sender.ts";
import type { RelayStats } from "./stats.ts";

/** Leave to send one object to one client. */
export interface Ticket {
  /** So many bytes wait for the client to take them, from now on. */
  waitsFor(bytes: number): void;
  /** They were taken. */
  taken(): void;
  leave(): void;
}

/** Who is sent objects. Metadata needs no leave: it is small, and what makes a client go elsewhere. */
export interface Admission {
  /**
   * Leave to send, or why there is none.
   *
   * @param address of the client; all of an IPv6 /64 are one
   * @param cut ends the transfer, when its client is too slow
   */
  enter(address: string, cut: () => void): Ticket | "transfers" | "client";
  close(): void;
}

export interface AdmissionLimits {
  maxTransfers: number;
  maxPerClient: number;
  /** Bytes a second. */
  minRate: number;
}

/** A client may take nothing for this long (ms), whatever the rate: buffers empty in gushes. */
const LEAST_PATIENCE = 10_000;
/** When all places are taken, one that took nothing for this long (ms) goes for a newcomer. */
const CROWDED_PATIENCE = 5_000;
/** How often (ms) the slow ones are looked for, while anything is sent. */
const INTERVAL = 1_000;

interface Place {
  client: string;
  cut: () => void;
  /** Since when (ms) bytes wait for the client, and how many; undefined while it is we who are slow. */
  since: number | undefined;
  bytes: number;
}

/** @param now a clock that only goes forward, in ms */
export function createAdmission(
  limits: AdmissionLimits,
  stats: RelayStats,
  now: () => number = () => performance.now(),
): Admission {
  const places = new Set<Place>();
  const perClient = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;
  const remove = (place: Place) => {
    if (!places.delete(place)) return;
    stats.active = places.size;
    const left = (perClient.get(place.client) ?? 1) - 1;
    if (left === 0) perClient.delete(place.client);
    else perClient.set(place.client, left);
    if (places.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
  const cut = (place: Place) => {
    remove(place);
    stats.transfers.cut++;
    place.cut();
  };
  const waited = ({ since }: Place) => (since === undefined ? 0 : now() - since);
  const cutSlow = () => {
    for (const place of places) {
      const allowed = limits.minRate === 0 ? Infinity : (place.bytes * 1_000) / limits.minRate;
      if (waited(place) > Math.max(LEAST_PATIENCE, allowed)) cut(place);
    }
  };
  const makeRoom = () => {
    if (limits.minRate === 0) return;
    let slowest: Place | undefined;
    for (const place of places) if (waited(place) > (slowest ? waited(slowest) : 0)) slowest = place;
    if (slowest !== undefined && waited(slowest) > CROWDED_PATIENCE) cut(slowest);
  };
  return {
    enter(address, cutTransfer) {
      const client = senderOf(address);
      if ((perClient.get(client) ?? 0) >= limits.maxPerClient) return "client";
      if (places.size >= limits.maxTransfers) makeRoom();
      if (places.size >= limits.maxTransfers) return "transfers";
      const place: Place = { client, cut: cutTransfer, since: undefined, bytes: 0 };
      places.add(place);
      stats.active = places.size;
      perClient.set(client, (perClient.get(client) ?? 0) + 1);
      timer ??= setInterval(cutSlow, INTERVAL).unref();
      return {
        waitsFor(bytes) {
          place.since = now();
          place.bytes = bytes;
        },
        taken() {
          place.since = undefined;
        },
        leave: () => remove(place),
      };
    },
    close: () => clearInterval(timer),
  };
}
