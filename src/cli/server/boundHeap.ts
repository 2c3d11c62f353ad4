import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";

/** Size (bytes) of the young generation that is enough, and the interval (ms) at which it is looked at. */
const ENOUGH = 8_000_000;
const LOOK = 500;

/**
 * Bounds the heap of this process, for the program's own: what requests leave behind is collected before it has grown to
 * a hundred megabytes. The old generation grows by 60% of what lives in it, where V8 would have a busy one
 * grow to three or four times that; the young one no further than where collecting it costs little.
 */
export function boundHeap(): void {
  setFlagsFromString("--heap-growing-percent=60");
  // Helpers that have to wait for a processor, which a busy server shares with its database, would hold up the event loop.
  setFlagsFromString("--no-parallel-scavenge");
  let factor = 2;
  setInterval(() => {
    const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === "new_space");
    const fitting = (young?.space_size ?? 0) < ENOUGH ? 2 : 1;
    if (fitting === factor) return;
    factor = fitting;
    // It has no flag for its size that a running process would heed; while nothing is done, V8 makes it small again.
    setFlagsFromString(`--semi-space-growth-factor=${factor}`);
  }, LOOK).unref();
}
