import { REPOSITORIES, type Repository } from "../core/content/layout.ts";

/** A request with a longer body (bytes) is no notification. */
export const NOTIFICATION_LIMIT = 65_536;

/** A signed timestamp as a notification holds it: read, and nothing of it verified yet. */
export interface Announced {
  repository: Repository;
  version: number;
  /** Milliseconds since the epoch. */
  expires: number;
  /** Ids of the keys that are named as its signers. */
  keyIds: string[];
  /** The document itself, for the check of its signatures. */
  document: object;
}

/** The facts that decide about a timestamp before its signatures are looked at. */
export interface Known {
  /** The newest version held, or verified in an earlier notification. */
  version: number;
  /** Keys that the trusted root lets sign a timestamp, and how many of them it takes. */
  keyIds: readonly string[];
  threshold: number;
}

/**
 * Reads a notification (docs/notification.md): the new signed `timestamp.json` of one repository or of
 * both, as `{ "content": …, "settings": … }`. Anything else is undefined: a forger learns no reason.
 */
export function parseNotification(text: string): Announced[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isObject(value)) return undefined;
  const found = REPOSITORIES.filter((repository) => value[repository] !== undefined);
  const read = found.map((repository) => readTimestamp(repository, value[repository]));
  const announced = read.filter((each) => each !== undefined);
  return announced.length === found.length && found.length > 0 ? announced : undefined;
}

function readTimestamp(repository: Repository, document: unknown): Announced | undefined {
  if (!isObject(document) || !isObject(document.signed) || !Array.isArray(document.signatures))
    return undefined;
  const { _type: type, version, expires } = document.signed;
  const until = typeof expires === "string" ? Date.parse(expires) : Number.NaN;
  if (type !== "timestamp" || !Number.isSafeInteger(version) || Number.isNaN(until)) return undefined;
  const keyIds = document.signatures.map((each: unknown) => (isObject(each) ? each.keyid : undefined));
  if (!keyIds.every((each) => typeof each === "string")) return undefined;
  return { repository, version: version as number, expires: until, keyIds, document };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Judges a timestamp without looking at its signatures, which cost a thousand times more: `older` when it is
 * no newer than the known one, `refused` when no signature on it could make it count, `check` when they have
 * to be looked at.
 *
 * @param now milliseconds since the epoch
 */
export function judge(
  announced: Announced,
  known: Known | undefined,
  now: number,
): "older" | "refused" | "check" {
  if (known === undefined) return "refused";
  if (announced.version <= known.version) return "older";
  const usable = new Set(announced.keyIds.filter((keyId) => known.keyIds.includes(keyId)));
  return announced.expires <= now || usable.size < known.threshold ? "refused" : "check";
}

/**
 * Delay (ms) between a notification and its run: at random within the window of the policy, so that a fleet
 * does not ask all at once. Update Agents begin the window, since the others will ask them.
 *
 * @param random in [0, 1)
 */
export function notifyDelay(window: number, role: "agent" | "update-agent", random: number): number {
  return role === "update-agent" ? 0 : Math.floor(window * random);
}

/** Least time (ms) between two runs that a server asks for though nothing is new. */
const WISH_EVERY = 300_000;

/**
 * Delay (ms) of a run that the server asks for though nothing is new: however often it asks, they stay apart.
 *
 * @param delay that of a notification
 * @param lastAt when the last such run was to begin; undefined for none
 */
export function wishDelay(delay: number, lastAt: number | undefined, now: number): number {
  const since = lastAt === undefined ? Number.POSITIVE_INFINITY : now - lastAt;
  return since >= 0 && since < WISH_EVERY ? Math.max(delay, WISH_EVERY - since) : delay;
}

/** Mistakes that may be made at once, and how many (a second) are forgiven: of one sender, and of all. */
const ALLOWANCE = { one: { most: 20, perSecond: 1 }, all: { most: 100, perSecond: 20 } };
/** Senders remembered; of more, those seen longest ago are forgotten. */
const MOST_SENDERS = 1_024;
const MOST_PROVEN = 64;

/** The mistakes of senders, by the result of `senderOf` for their addresses. */
export interface Senders {
  /** Mistakes of each that are not forgiven yet, seen longest ago first. */
  mistakes: Map<string, Mistakes>;
  /** The same, of all of them together. */
  all: Mistakes;
  /** Senders of something genuine: the mistakes of others do not shut them out. */
  proven: Set<string>;
}

interface Mistakes {
  count: number;
  at: number;
}

export function noSenders(): Senders {
  return { mistakes: new Map(), all: { count: 0, at: 0 }, proven: new Set() };
}

/** Whether a sender, or all that have proven nothing, made so many mistakes that nothing they send is looked at. */
export function isBlocked({ mistakes, all, proven }: Senders, sender: string, now: number): boolean {
  const own = remainingMistakes(mistakes.get(sender), now, ALLOWANCE.one);
  if (own >= ALLOWANCE.one.most) return true;
  return !proven.has(sender) && remainingMistakes(all, now, ALLOWANCE.all) >= ALLOWANCE.all.most;
}

/** Counts a mistake of a sender. The memory for them is bounded, however many there are. */
export function countMistake(senders: Senders, sender: string, now: number): void {
  const { mistakes, all } = senders;
  const count = remainingMistakes(mistakes.get(sender), now, ALLOWANCE.one) + 1;
  mistakes.delete(sender);
  mistakes.set(sender, { count, at: now });
  forgetOldest(mistakes, MOST_SENDERS);
  senders.all = { count: remainingMistakes(all, now, ALLOWANCE.all) + 1, at: now };
}

/** Remembers that a sender sent something genuine. */
export function countGenuine({ proven }: Senders, sender: string): void {
  proven.delete(sender);
  proven.add(sender);
  forgetOldest(proven, MOST_PROVEN);
}

function remainingMistakes(
  mistakes: Mistakes | undefined,
  now: number,
  { perSecond }: { perSecond: number },
): number {
  if (mistakes === undefined) return 0;
  return Math.max(mistakes.count - (Math.max(now - mistakes.at, 0) / 1_000) * perSecond, 0);
}

function forgetOldest(all: Map<string, unknown> | Set<string>, most: number): void {
  const [oldest] = all.keys();
  if (all.size > most && oldest !== undefined) all.delete(oldest);
}
