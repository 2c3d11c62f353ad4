/** Agents that ask each second while none has anything to hear. */
const POLLS_PER_SECOND = 200;
/** Time (s) for which a request is held that names none, and the longest of all. */
export const HOLD = { least: 50, most: 300 };
/** Field of the answer's header: seconds for which the server will hold the next such request. */
export const HOLD_HEADER = "nearsource-hold";

/** Field of the header of an answer without news: the agent is to run now all the same. */
export const RUN_HEADER = "nearsource-run";

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

/** Greatest age (ms) of the time that the database has of an agent's last request. */
export const COARSE = 60_000;
/** An agent counts as one that asks for so long (ms) after it did: longer than it waits after an error. */
export const ASKS_FOR = 900_000;
/** Time (ms) after the end of a request in which the next one comes, where nothing is wrong, and a little more. */
const AGAIN = 60_000;

/** Limits by which agents that hold requests are told from those that have gone. Times in ms since the epoch. */
export interface GoneBy {
  /** Since when this server holds requests: those who tried in vain before may wait long until they try again. */
  openSince: number;
  /** One that has asked since `openSince`, but not since this time, has gone; and so has any that asked before `longBefore`. */
  before: number;
  longBefore: number;
}

/** @param hold seconds for which requests are held */
export function goneBy({ hold, openSince }: { hold: number; openSince: number }, now: number): GoneBy {
  return { openSince, before: now - askEvery(hold), longBefore: now - ASKS_FOR };
}

/** Longest time (ms) between two requests of an agent that is there, as far as the database knows of them. */
export function askEvery(hold: number): number {
  return hold * 1_000 + COARSE + AGAIN;
}

/** Whether an agent that last asked then holds no request now. */
export function isGone(askedAt: number, { openSince, before, longBefore }: GoneBy): boolean {
  return askedAt < longBefore || (askedAt >= openSince && askedAt < before);
}
