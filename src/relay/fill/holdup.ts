import type { Log } from "../../config/log.ts";
import type { RelayState } from "../../http/relayState.ts";
import type { Mirror } from "../mirror.ts";
import { type FillProgress, isTooLate } from "./fillProgress.ts";
import type { Objects } from "./objects.ts";

export interface HoldupParts {
  mirror: Pick<Mirror, "aheadSince" | "objects" | "upstreamState">;
  objects: Pick<Objects, "missing" | "isHeld">;
  progress: FillProgress;
  /** `relay.maxLag`, in ms. */
  maxLag: number;
  log: Log;
}

/** Where nothing came for so long (ms), nobody is told to wait. */
const STILL = 30_000;
/** What was found holds for this long (ms): it is asked for with every timestamp. */
const HOLDS = 500;

/**
 * What keeps the newest publication of content from being announced: `filling` while its objects come,
 * `unavailable` while they do not, `late` when they should have been here long ago; undefined when nothing does.
 */
export function createHoldup(
  parts: HoldupParts,
  now: () => number = () => performance.now(),
): () => RelayState | undefined {
  const { mirror, objects, progress, maxLag, log } = parts;
  /** Bytes of each object that was missing at some time since what is learnt is ahead. */
  const lacked = new Map<string, number>();
  let found: { state: RelayState | undefined; at: number } = {
    state: undefined,
    at: Number.NEGATIVE_INFINITY,
  };
  const look = (since: number): RelayState => {
    const newest = mirror.objects(false).filter(({ current }) => current);
    const missing = newest.filter((each) => !objects.isHeld(each));
    for (const { sha256, length } of missing) lacked.set(sha256, length);
    const rate = progress.rate();
    const all = newest.reduce((sum, { sha256 }) => sum + (lacked.get(sha256) ?? 0), 0);
    const ahead = now() - since;
    if (isTooLate({ ahead, lacked: all, rate, maxLag })) return { state: "late" };
    if (Math.min(ahead, progress.idle()) > STILL) return { state: "unavailable" };
    const bytes = objects.missing(missing);
    return { state: "filling", missing: bytes, seconds: rate === undefined ? undefined : bytes / rate };
  };
  return () => {
    const since = mirror.aheadSince("content");
    // Who waits for another Update Agent, or for metadata on a thin link, has its own clients wait for as long.
    if (since === undefined && mirror.upstreamState()?.state === "filling") return mirror.upstreamState();
    if (since === undefined) lacked.clear();
    if (now() - found.at < HOLDS && (since === undefined) === (found.state === undefined)) return found.state;
    const state = since === undefined ? undefined : look(since);
    if (state?.state === "late" && found.state?.state !== "late") {
      log.error(
        "this Update Agent could not fetch the newest publication in time, and answers for none before it",
      );
    } else if (found.state?.state === "late" && state?.state !== "late") {
      log.info("this Update Agent answers again for what it announces");
    }
    found = { state, at: now() };
    return state;
  };
}
