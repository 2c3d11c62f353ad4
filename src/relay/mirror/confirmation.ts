/**
 * Time (ms) that a client waits for a timestamp to be confirmed, before it gets the held one; less by so much
 * for each hop that its request came over, so that agents at the end of a chain get the answer of its top.
 */
const PATIENCE = { first: 3_000, less: 700 };
/**
 * Pause (ms) after a failed confirmation, before it is tried again; shorter for a client that knows of
 * something newer.
 */
const PAUSE = 10_000;
const PAUSE_REVALIDATE = 1_000;

/** The times (ms) since upstream was last asked, and what is to be answered. */
export interface Asking {
  /** Time since it was last known to have nothing newer. */
  sinceAsked: number;
  /** Time since it was last asked, with any result. */
  sinceTried: number;
  /** A refresh goes on, which may be waited for. */
  isRefreshing: boolean;
  /** The client knows of something newer. */
  revalidate: boolean;
  /** `relay.maxStale`, in ms. */
  maxStale: number;
}

/** Whether upstream is to be asked before a timestamp is answered with. */
export function isToBeAsked({ sinceAsked, sinceTried, isRefreshing, revalidate, maxStale }: Asking): boolean {
  if (!revalidate && sinceAsked <= maxStale) return false;
  return isRefreshing || sinceTried >= (revalidate ? PAUSE_REVALIDATE : Math.min(PAUSE, maxStale));
}

/** Time (ms) that a client waits for a confirmation, when its request came over so many hops. */
export function confirmPatience(hops: number): number {
  return PATIENCE.first - PATIENCE.less * hops;
}
