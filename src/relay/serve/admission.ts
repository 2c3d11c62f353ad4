import { senderOf } from "../../http/sender.ts";
import type { RelayStats } from "../stats.ts";

/** Leave to send one object to one client. */
export interface Ticket {
  /** Notes that so many bytes wait for the client to take them, from now on. */
  waitsFor(bytes: number): void;
  /** Notes that the client has taken them. */
  taken(): void;
  leave(): void;
}

export interface AdmissionLimits {
  maxTransfers: number;
  maxPerClient: number;
  /** Bytes a second. */
  minRate: number;
}

/** Time (ms) for which a client may take nothing, at any rate: buffers empty in gushes. */
const LEAST_PATIENCE = 10_000;
/** Time (ms) without progress after which a client loses its place to a new one, when all are taken. */
const CROWDED_PATIENCE = 5_000;
/** Interval (ms) at which slow clients are looked for, while anything is sent. */
const INTERVAL = 1_000;

/** One object being sent. */
interface Transfer {
  client: string;
  cut(): void;
  /**
   * The time (ms) since which bytes wait for the client, and their number; undefined while it is we who are
   * slow.
   */
  since: number | undefined;
  bytes: number;
}

/**
 * The admission of clients to objects. Metadata needs none: it is small, and it is needed to choose another
 * source.
 */
export class Admission {
  readonly #limits: Readonly<AdmissionLimits>;
  readonly #stats: RelayStats;
  readonly #now: () => number;
  readonly #transfers = new Set<Transfer>();
  readonly #perClient = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  /**
   * @param limits as they are at each moment
   * @param now a clock that only goes forward, in ms
   */
  constructor(limits: Readonly<AdmissionLimits>, stats: RelayStats, now = () => performance.now()) {
    this.#limits = limits;
    this.#stats = stats;
    this.#now = now;
  }

  /**
   * Leave to send, or why there is none.
   *
   * @param address of the client; all of an IPv6 /64 are one
   * @param cut ends the transfer, when its client is too slow
   */
  enter(address: string, cut: () => void): Ticket | "transfers" | "client" {
    const client = senderOf(address);
    if ((this.#perClient.get(client) ?? 0) >= this.#limits.maxPerClient) return "client";
    if (this.#isFull()) this.#cutSlowest();
    if (this.#isFull()) return "transfers";
    const transfer: Transfer = { client, cut, since: undefined, bytes: 0 };
    this.#add(transfer);
    return {
      waitsFor: (bytes) => {
        transfer.since = this.#now();
        transfer.bytes = bytes;
      },
      taken: () => {
        transfer.since = undefined;
      },
      leave: () => this.#remove(transfer),
    };
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #isFull(): boolean {
    return this.#transfers.size >= this.#limits.maxTransfers;
  }

  #add(transfer: Transfer): void {
    this.#transfers.add(transfer);
    this.#stats.active = this.#transfers.size;
    this.#perClient.set(transfer.client, (this.#perClient.get(transfer.client) ?? 0) + 1);
    this.#timer ??= setInterval(() => this.#cutTooSlow(), INTERVAL).unref();
  }

  #remove(transfer: Transfer): void {
    if (!this.#transfers.delete(transfer)) return;
    this.#stats.active = this.#transfers.size;
    const left = (this.#perClient.get(transfer.client) ?? 1) - 1;
    if (left === 0) this.#perClient.delete(transfer.client);
    else this.#perClient.set(transfer.client, left);
    if (this.#transfers.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #cut(transfer: Transfer): void {
    this.#remove(transfer);
    this.#stats.transfers.cut++;
    transfer.cut();
  }

  #cutTooSlow(): void {
    for (const transfer of this.#transfers) {
      if (isTooSlow(transfer, this.#now(), this.#limits.minRate)) this.#cut(transfer);
    }
  }

  /** Makes room for a newcomer. */
  #cutSlowest(): void {
    if (this.#limits.minRate === 0) return;
    const slowest = slowestOf(this.#transfers, this.#now());
    if (slowest !== undefined && waited(slowest, this.#now()) > CROWDED_PATIENCE) this.#cut(slowest);
  }
}

/** Time (ms) for which a client has taken nothing of the bytes that wait for it. */
function waited({ since }: Transfer, now: number): number {
  return since === undefined ? 0 : now - since;
}

function isTooSlow(transfer: Transfer, now: number, minRate: number): boolean {
  const allowed = minRate === 0 ? Infinity : (transfer.bytes * 1_000) / minRate;
  return waited(transfer, now) > Math.max(LEAST_PATIENCE, allowed);
}

/** The one whose client has waited for longest with something to take. */
function slowestOf(transfers: Iterable<Transfer>, now: number): Transfer | undefined {
  let slowest: Transfer | undefined;
  for (const each of transfers) {
    if (waited(each, now) > (slowest === undefined ? 0 : waited(slowest, now))) slowest = each;
  }
  return slowest;
}
