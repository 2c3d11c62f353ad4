import { setTimeout as sleep } from "node:timers/promises";
import pMap from "p-map";
import type { Log } from "../../config/log.ts";
import { explainError } from "../../errors.ts";
import type { CatalogObject } from "../../tree/catalog.ts";
import type { Objects } from "./objects.ts";

/** Objects up to this many bytes are fetched several at a time: their cost is the waiting. */
const SMALL = 262_144;
const AT_ONCE = 4;
/** Pause (ms) before failed objects are tried again, as long as that helps. */
const PAUSE = 5_000;
const ROUNDS = 4;

/**
 * Fetches the objects of the newest releases, and the ways to them, before anybody asks, in the order in
 * which agents will ask.
 *
 * @param newest the objects to have now: they may change while this goes on
 */
export async function fillAhead(
  newest: () => CatalogObject[],
  objects: Objects,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  for (let round = 1; round <= ROUNDS && !signal.aborted; round++) {
    const failures = new Map<string, unknown>();
    const missing = () =>
      newest()
        .filter((each) => each.current && !objects.isHeld(each) && !failures.has(each.sha256))
        .toSorted((one, other) => one.need - other.need || one.length - other.length);
    const fill = async (object: CatalogObject) => {
      if (!signal.aborted) await objects.fill(object).catch((error) => failures.set(object.sha256, error));
    };
    for (let left = missing(); left.length > 0 && !signal.aborted; left = missing()) {
      // Of one need at a time: later objects may be made of earlier ones.
      const alike = left.filter(({ need }) => need === left[0]?.need);
      const large = alike.findIndex((each) => !isSmall(each));
      const next = large === 0 ? alike.slice(0, 1) : alike.slice(0, large === -1 ? alike.length : large);
      await pMap(next, fill, { concurrency: AT_ONCE });
    }
    // Objects that have been replaced meanwhile are no loss.
    const lost = newest().filter(({ current, sha256 }) => current && failures.has(sha256));
    const failure = failures.get(lost[0]?.sha256 ?? "");
    if (failure === undefined || signal.aborted) return;
    log.warn(`${lost.length} objects could not be fetched: ${explainError(failure)}`);
    if (round < ROUNDS) await sleep(PAUSE, undefined, { signal }).catch(() => {});
  }
}

function isSmall({ length }: CatalogObject): boolean {
  return length <= SMALL;
}
