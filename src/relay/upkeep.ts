import type { Log } from "../config/log.ts";
import { explainError } from "../errors.ts";
import { sharedNext } from "../source/oneAtATime.ts";
import type { Room } from "./diskSpace.ts";
import type { Holdup } from "./fill/holdup.ts";
import type { Objects } from "./fill/objects.ts";
import { fillAhead } from "./fill/prefetch.ts";
import type { Mirror } from "./mirror/mirror.ts";

export interface UpkeepParts {
  mirror: Mirror;
  objects: Objects;
  room: Room;
  holdup: Pick<Holdup, "state">;
  /** Goes by the policies that are known by now. */
  lookAtPolicies(): Promise<void>;
  signal: AbortSignal;
  log: Log;
}

/** What could not be fetched for an announcement is tried again after so long (ms). */
const FILL_AGAIN = 15_000;

/** Keeps what an Update Agent holds as new as upstream has it, for as long as anything is granted and there is room. */
export class Upkeep {
  readonly #parts: UpkeepParts;
  readonly #learn = sharedNext(() => this.#whereItMay(() => this.#learnNewest()));
  readonly #fill = sharedNext(() => this.#whereItMay(() => this.#fillNewest()));
  #again: NodeJS.Timeout | undefined;

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
  }

  /** Learns what is new while what was learnt before is still coming, and fetches it. */
  async refresh(): Promise<void> {
    await this.#learn();
    await this.#fill();
  }

  /** Something newer was learnt. */
  fillNewer(): void {
    const { mirror, objects } = this.#parts;
    // What a newer publication has replaced before it was announced, the link need not carry to its end.
    objects.abandonOthers(mirror.objects(false).filter(({ current }) => current));
    void this.#fill();
  }

  stop(): void {
    clearTimeout(this.#again);
  }

  async #whereItMay(work: () => Promise<void>): Promise<void> {
    const { mirror, room, signal, log } = this.#parts;
    try {
      if (mirror.kinds.length > 0 && !signal.aborted && (await room.look())) await work();
    } catch (error) {
      if (!signal.aborted) log.error(`this Update Agent could not refresh: ${explainError(error)}`);
    }
  }

  async #learnNewest(): Promise<void> {
    await this.#parts.mirror.refresh();
    await this.#parts.lookAtPolicies();
  }

  /** Fetches what the newest publication names and is not here; sweeps what nobody is answered with any more. */
  async #fillNewest(): Promise<void> {
    const { mirror, objects, log, signal } = this.#parts;
    clearTimeout(this.#again);
    try {
      await objects.look(mirror.objects(true));
      await mirror.announce();
      // What came before a restart is of a publication that is to be learnt again.
      if (mirror.hasHeard()) await objects.keepOnly(mirror.objects(true));
      await fillAhead(() => mirror.objects(false), objects, log, signal);
      await mirror.announce();
    } finally {
      this.#fillAgain();
    }
  }

  #fillAgain(): void {
    const { mirror, holdup, signal } = this.#parts;
    if (mirror.aheadSince("content") === undefined || signal.aborted) return;
    holdup.state();
    this.#again = setTimeout(() => void this.#fill(), FILL_AGAIN).unref();
  }
}
