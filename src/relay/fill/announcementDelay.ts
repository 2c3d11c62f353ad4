import type { Log } from "../../config/log.ts";
import type { RelayState } from "../../http/relayState.ts";
import type { Mirror } from "../mirror/mirror.ts";
import type { FillProgress } from "./fillProgress.ts";
import type { Objects } from "./objects.ts";

/** A publication that was learnt and is not announced. */
export interface HeldBack {
  /** Time (ms) since it is ahead of the announced publication. */
  ahead: number;
  /** Bytes missing when it was learnt, and those missing now. */
  missingAtFirst: number;
  missing: number;
  /** Bytes a second at which they come; undefined when none came yet. */
  rate: number | undefined;
  /** Time (ms) since the last came. */
  idle: number;
  /** `relay.maxLag`, in ms. */
  maxLag: number;
}

/** Time (ms) without a byte after which no agent is told to wait. */
const LONGEST_IDLE = 30_000;

/** `filling` while its objects come, `unavailable` while they do not, `late` when they should have been here long ago. */
export function stateOf(held: HeldBack): RelayState {
  const { ahead, missing, rate, idle } = held;
  if (isTooLate(held)) return { state: "late" };
  if (Math.min(ahead, idle) > LONGEST_IDLE) return { state: "unavailable" };
  return { state: "filling", missing, seconds: rate === undefined ? undefined : missing / rate };
}

/**
 * Whether an Update Agent is so late with a publication that it had better not answer: an agent must not take
 * an old publication for the newest. The time that the bytes need at the present rate does not count.
 */
function isTooLate({ ahead, missingAtFirst, rate, maxLag }: HeldBack): boolean {
  const needed = rate === undefined || rate <= 0 ? 0 : (missingAtFirst * 1_000) / rate;
  return ahead > needed + maxLag;
}

export interface DelayParts {
  mirror: Pick<Mirror, "aheadSince" | "objects" | "upstreamState">;
  objects: Pick<Objects, "missing" | "isHeld">;
  progress: FillProgress;
  /** `relay.maxLag`, in ms. */
  maxLag: number;
  log: Log;
}

/** The state that was found holds for this long (ms): it is asked for with every timestamp. */
const HOLDS = 500;

/** The reason why the newest publication of content is not announced yet. */
export class AnnouncementDelay {
  readonly #parts: DelayParts;
  readonly #now: () => number;
  /** Bytes of each object that was missing at some time since a newer publication is known. */
  readonly #wasMissing = new Map<string, number>();
  #state: RelayState | undefined;
  #foundAt = Number.NEGATIVE_INFINITY;

  /** @param now a clock that only goes forward, in ms */
  constructor(parts: DelayParts, now = () => performance.now()) {
    this.#parts = parts;
    this.#now = now;
  }

  /** Undefined when nothing is held back. */
  state(): RelayState | undefined {
    const { mirror } = this.#parts;
    const since = mirror.aheadSince("content");
    if (since === undefined) {
      // An Update Agent that waits for another one, or for metadata on a thin link, has its own clients wait
      // for as long.
      const upstream = mirror.upstreamState();
      if (upstream?.state === "filling") return upstream;
      this.#wasMissing.clear();
    }
    const isKnown = (since === undefined) === (this.#state === undefined);
    if (isKnown && this.#now() - this.#foundAt < HOLDS) return this.#state;
    this.#become(since === undefined ? undefined : stateOf(this.#heldBack(since)));
    return this.#state;
  }

  #heldBack(since: number): HeldBack {
    const { mirror, objects, progress, maxLag } = this.#parts;
    const newest = mirror.objects(false).filter(({ current }) => current);
    const missing = newest.filter((each) => !objects.isHeld(each));
    for (const { sha256, length } of missing) this.#wasMissing.set(sha256, length);
    return {
      ahead: this.#now() - since,
      missingAtFirst: newest.reduce((sum, { sha256 }) => sum + (this.#wasMissing.get(sha256) ?? 0), 0),
      missing: objects.missing(missing),
      rate: progress.rate(),
      idle: progress.idle(),
      maxLag,
    };
  }

  #become(state: RelayState | undefined): void {
    const { log } = this.#parts;
    const [wasLate, isLate] = [this.#state?.state === "late", state?.state === "late"];
    if (isLate && !wasLate) {
      log.error(
        "this Update Agent could not fetch the newest publication in time, and answers for none before it",
      );
    }
    if (wasLate && !isLate) log.info("this Update Agent answers again for what it announces");
    this.#state = state;
    this.#foundAt = this.#now();
  }
}
