import { setTimeout as sleep } from "node:timers/promises";
import pMap from "p-map";
import type { CatalogObject } from "../core/relayCatalog.ts";
import { explainError } from "../errors.ts";
import type { Log } from "../io/log.ts";
import type { Objects } from "./objects.ts";

/** Objects up to this many bytes are fetched several at a time: what they cost is the waiting. */
const SMALL = 262_144;
const AT_ONCE = 4;
/** What could not be had is tried again, as long as that helps; ms in between. */
const PAUSE = 5_000;
const ROUNDS = 4;

/** Fetches the objects of the newest releases, and the ways to them, before anybody asks. */
export async function fillAhead(
  all: CatalogObject[],
  objects: Objects,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  for (let round = 1; round <= ROUNDS && !signal.aborted; round++) {
    const missing = all.filter((each) => each.current && !objects.isHeld(each));
    if (missing.length === 0) return;
    if (round > 1) await sleep(PAUSE, undefined, { signal }).catch(() => {});
    const failures: unknown[] = [];
    const fill = async (object: CatalogObject) => {
      if (!signal.aborted) await objects.fill(object).catch((error) => failures.push(error));
    };
    await pMap(missing.filter(isSmall), fill, { concurrency: AT_ONCE });
    for (const object of missing) if (!isSmall(object)) await fill(object);
    if (failures.length > 0 && !signal.aborted) {
      log.warn(
        `${failures.length} of ${missing.length} objects could not be fetched: ${explainError(failures[0])}`,
      );
    }
  }
}

function isSmall({ length }: CatalogObject): boolean {
  return length <= SMALL;
}
