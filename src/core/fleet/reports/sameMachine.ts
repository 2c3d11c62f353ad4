/** An agent that has the fingerprint of a machine which asks to be one. */
export interface KnownAgent {
  id: string;
  name: string;
  addresses: string[];
  /** When it was heard of last, in ms. */
  heardAt: number;
}

/** Time (ms) since an agent was heard of after which it is no longer taken to be running. */
const RUNNING = 7_200_000;

/**
 * The agent that a machine was, by what it is called and where it is: a machine that was installed anew comes
 * back as itself. One of another name at other addresses is a copy of its disk, as long as the original is heard
 * of; undefined then.
 *
 * @param agents those of its fingerprint, the oldest first
 */
export function agentOfMachine(
  agents: readonly KnownAgent[],
  asking: Pick<KnownAgent, "name" | "addresses">,
  now: number,
): string | undefined {
  const same = agents.find(
    (each) => each.name === asking.name || isSamePlace(each.addresses, asking.addresses),
  );
  return (same ?? agents.find(({ heardAt }) => now - heardAt > RUNNING))?.id;
}

/** The time and place of a run. Times in ms. */
export interface RunPlace {
  startedAt: number;
  endedAt: number;
  addresses: readonly string[];
}

/**
 * Whether two runs of one agent were two machines': a machine makes one at a time, so that two which overlap, at
 * addresses of which none is the same, are of an identity that was copied.
 */
export function areTwoMachines(one: RunPlace, other: RunPlace): boolean {
  const overlap = one.startedAt < other.endedAt && other.startedAt < one.endedAt;
  return overlap && !isSamePlace(one.addresses, other.addresses);
}

/** Whether two lists have an address in common, as far as both are known. */
function isSamePlace(one: readonly string[], other: readonly string[]): boolean {
  return one.length === 0 || other.length === 0 || one.some((address) => other.includes(address));
}
