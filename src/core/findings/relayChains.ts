/** Update Agents that get what they serve from each other. */
export interface Chains {
  /** Update Agents each of which is the first source of the one before, and the first that of the last. */
  loops: string[][];
  /** Update Agents whose content comes through more than `most` others, each with all of them. */
  long: string[][];
}

/** Update Agents through which a request may go: more are refused (docs/update-agents.md). */
const MOST = 3;

/**
 * Loops and chains that are too long among Update Agents.
 *
 * @param upstream the Update Agent that is the first source of each, by id; absent for one that has another source
 */
export function relayChains(upstream: ReadonlyMap<string, string>): Chains {
  const chains: Chains = { loops: [], long: [] };
  const known = new Set<string>();
  for (const start of upstream.keys()) {
    const path = [start];
    for (let at = upstream.get(start); at !== undefined; at = upstream.get(at)) {
      const again = path.indexOf(at);
      if (again === -1) {
        path.push(at);
        continue;
      }
      const loop = path.slice(again);
      const key = loop.toSorted().join();
      if (!known.has(key)) chains.loops.push(loop);
      known.add(key);
      path.length = 0;
      break;
    }
    if (path.length - 1 > MOST) chains.long.push(path);
  }
  return chains;
}
