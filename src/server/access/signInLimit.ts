import { parseAddress } from "../../core/order/address.ts";
import { Problem } from "../api/problem.ts";

/** Failures that are free of a wait, and the longest wait (ms). */
interface Allowance {
  free: number;
  longest: number;
}

/** A person mistypes; whoever guesses gets one guess a minute at a name, and a quarter of an hour at an address. */
const NAME: Allowance = { free: 5, longest: 60_000 };
const ADDRESS: Allowance = { free: 20, longest: 900_000 };
/** Failures are forgotten this long (ms) after the last of them. */
const FORGET = 1_800_000;
/** Names and addresses remembered at most: the longest unused ones go first. */
const REMEMBERED = 20_000;

interface Failures {
  count: number;
  last: number;
  /** It was said that guesses have to wait. */
  isSaid?: boolean;
}

/** Something that is guessed at, or from where: a user's name as it was typed, or the place of an address. */
export interface Locked {
  name: string | undefined;
  place: string;
}

/**
 * Slows down guessing of passwords, by name and by address. Each failure beyond those that are free doubles
 * the wait; a success forgets them. Kept by each server process for itself.
 */
export class SignInLimit {
  readonly #now: () => number;
  readonly #failures = new Map<string, Failures>();
  #locked: Locked[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * Counts an attempt as a failure until it has succeeded, so that many at once are no way around the wait.
   *
   * @param name of the user; absent where none is guessed at
   * @returns to be called when it has succeeded
   * @throws Problem TOO_MANY
   */
  attempt(address: string, name?: string): () => void {
    const keys: [string, Allowance][] = [[`address ${placeOf(address)}`, ADDRESS]];
    if (name !== undefined) keys.push([`name ${name.toLowerCase()}`, NAME]);
    const now = this.#now();
    const waits = keys.map(([key, allowance]) => waitOf(this.#failures.get(key), allowance, now));
    const wait = Math.max(...waits);
    if (wait > 0) {
      this.#noteLocked(
        keys.filter((_, index) => (waits[index] ?? 0) > 0).map(([key]) => key),
        { address, name },
      );
      const retryAfter = Math.ceil(wait / 1_000);
      const sentence = `too many failures to sign in: try again in ${retryAfter} s`;
      throw new Problem("TOO_MANY", sentence, { retryAfter });
    }
    for (const [key] of keys) this.#count(key, now);
    return () => {
      for (const [key] of keys) this.#failures.delete(key);
    };
  }

  /** Names and addresses at which guesses have to wait, and of which that was not said yet: each once. */
  takeLocked(): Locked[] {
    const taken = this.#locked;
    this.#locked = [];
    return taken;
  }

  #noteLocked(keys: string[], { address, name }: { address: string; name: string | undefined }): void {
    for (const key of keys) {
      const failures = this.#failures.get(key);
      if (failures === undefined || failures.isSaid === true) continue;
      failures.isSaid = true;
      this.#locked.push({ name: key.startsWith("name ") ? name : undefined, place: `address ${address}` });
    }
  }

  #count(key: string, now: number): void {
    const known = this.#failures.get(key);
    const isFresh = known !== undefined && now - known.last < FORGET;
    this.#failures.delete(key);
    const isSaid = isFresh && known.isSaid === true;
    this.#failures.set(key, { count: isFresh ? known.count + 1 : 1, last: now, isSaid });
    const [oldest] = this.#failures.keys();
    if (this.#failures.size > REMEMBERED && oldest !== undefined) this.#failures.delete(oldest);
  }
}

/** Time (ms) that an attempt still has to wait. */
function waitOf(failures: Failures | undefined, { free, longest }: Allowance, now: number): number {
  if (failures === undefined || failures.count < free) return 0;
  const wait = Math.min(1_000 * 2 ** (failures.count - free), longest);
  return failures.last + wait - now;
}

/** One machine has many IPv6 addresses: its network (/64) counts as one. */
function placeOf(address: string): string {
  try {
    const { family, hex } = parseAddress(address);
    return family === 6 ? hex.slice(0, 16) : hex;
  } catch {
    return address;
  }
}
