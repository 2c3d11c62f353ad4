import type { Log } from "../config/log.ts";
import { explainError } from "../errors.ts";
import { sharedNext } from "../source/oneAtATime.ts";
import type { DiskSpace } from "./diskSpace.ts";
import type { AnnouncementDelay } from "./fill/announcementDelay.ts";
import type { Objects } from "./fill/objects.ts";
import { fillAhead } from "./fill/prefetch.ts";
import type { Mirror } from "./mirror/mirror.ts";

export interface UpkeepParts {
  mirror: Mirror;
  objects: Objects;
  space: DiskSpace;
  delay: Pick<AnnouncementDelay, "state">;
  /** Reads the limits of the policies that are known by now. */
  lookAtPolicies(): Promise<void>;
  signal: AbortSignal;
  log: Log;
}

/** Pause (ms) before objects that could not be fetched for an announcement are tried again. */
const FILL_AGAIN = 15_000;

/**
 * Keeps an Update Agent's content as new as upstream has it, for as long as anything is granted and there is
 * space.
 */
export class Upkeep {
  readonly #parts: UpkeepParts;
  readonly #learn = sharedNext(() => this.#whereItMay(() => this.#learnNewest()));
  readonly #fill = sharedNext(() => this.#whereItMay(() => this.#fillNewest()));
  #again: NodeJS.Timeout | undefined;

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
  }

  /** Learns newer publications while the objects of an earlier one are still coming, and fetches them. */
  async refresh(): Promise<void> {
    await this.#learn();
    await this.#fill();
  }

  /** Called when something newer was learnt. */
  fillNewer(): void {
    const { mirror, objects } = this.#parts;
    // Objects that a newer publication has replaced before the announcement need not come to their end.
    objects.abandonOthers(mirror.objects(false).filter(({ current }) => current));
    void this.#fill();
  }

  stop(): void {
    clearTimeout(this.#again);
  }

  async #whereItMay(work: () => Promise<void>): Promise<void> {
    const { mirror, space, signal, log } = this.#parts;
    try {
      if (mirror.kinds.length > 0 && !signal.aborted && (await space.look())) await work();
    } catch (error) {
      if (!signal.aborted) log.error(`this Update Agent could not refresh: ${explainError(error)}`);
    }
  }

  async #learnNewest(): Promise<void> {
    await this.#parts.mirror.refresh();
    await this.#parts.lookAtPolicies();
  }

  /**
   * Fetches the objects that the newest publication names and that are not here; sweeps those that are served
   * no more.
   */
  async #fillNewest(): Promise<void> {
    const { mirror, objects, log, signal } = this.#parts;
    clearTimeout(this.#again);
    try {
      await objects.look(mirror.objects(true));
      await mirror.announce();
      // Objects that came before a restart are of a publication that is to be learnt again.
      if (mirror.hasHeard()) await objects.keepOnly(mirror.objects(true));
      await fillAhead(() => mirror.objects(false), objects, log, signal);
      await mirror.announce();
    } finally {
      this.#fillAgain();
    }
  }

  #fillAgain(): void {
    const { mirror, delay, signal } = this.#parts;
    if (mirror.aheadSince("content") === undefined || signal.aborted) return;
    delay.state();
    this.#again = setTimeout(() => void this.#fill(), FILL_AGAIN).unref();
  }
}
