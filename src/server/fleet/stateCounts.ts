import type { AgentState } from "../../core/fleet/agentState.ts";
import { type AgentFilter, countStates, type DomainExpectation } from "../store/fleet/agentFilter.ts";
import type { Db } from "../store/transaction.ts";

export type StateCounts = Partial<Record<AgentState, number>>;

/** Agents from which on a number may be a little old, and for how long (ms): nobody sees it change, and it is costly. */
const LARGE = 10_000;
const BELIEVED = 5_000;
/** Filters whose numbers are remembered. */
const FILTERS = 100;

interface Remembered {
  counts: Promise<StateCounts>;
  until: number;
}

const remembered = new WeakMap<Db, Map<string, Remembered>>();

/** Agents by state. Those who ask the same at the same time are answered together. */
export async function stateCounts(
  db: Db,
  filter: Omit<AgentFilter, "state">,
  by: readonly DomainExpectation[],
): Promise<StateCounts> {
  const known = remembered.get(db) ?? new Map<string, Remembered>();
  remembered.set(db, known);
  const key = JSON.stringify(filter, Object.keys(filter).toSorted());
  const before = known.get(key);
  if (before !== undefined && performance.now() < before.until) return await before.counts;
  const counts = countStates(db, filter, by);
  const own: Remembered = { counts, until: Infinity };
  known.delete(key);
  known.set(key, own);
  if (known.size > FILTERS) known.delete(known.keys().next().value as string);
  const forget = () => {
    if (known.get(key) === own) known.delete(key);
  };
  try {
    const found = await counts;
    const all = Object.values(found).reduce((sum, count) => sum + count, 0);
    own.until = performance.now() + BELIEVED;
    if (all < LARGE) forget();
    return found;
  } catch (error) {
    forget();
    throw error;
  }
}
