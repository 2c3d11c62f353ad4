/** Agents that ask each second while none has anything to hear. */
const POLLS_PER_SECOND = 200;
/** Time (s) for which a request is held that names none, and the longest of all. */
export const HOLD = { least: 50, most: 300 };
/** Field of the answer's header: seconds for which the server will hold the next such request. */
export const HOLD_HEADER = "nearsource-hold";

/** Time (s) for which a request is held, so that a fleet of this size asks no more often than is served. */
export function holdSeconds(agents: number): number {
  return Math.min(Math.max(Math.ceil(agents / POLLS_PER_SECOND), HOLD.least), HOLD.most);
}

/** Part of its time by which a request may be held less. */
const SPREAD = 0.25;

/**
 * Time (s) for which one request is held: requests that came at once, as all do after a server has been started again, come
 * apart with each time that they are let go.
 *
 * @param hold the time that the agent waits
 * @param random at least 0, below 1
 */
export function heldFor(hold: number, random: number): number {
  return hold * (1 - SPREAD * random);
}
