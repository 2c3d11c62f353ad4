import { parseAddress } from "../../core/order/address.ts";
import { likenessOf } from "../../core/personName.ts";
import type { Context } from "../context.ts";
import { takeTurn } from "../store/dialect.ts";
import {
  countFailure,
  type Failures,
  failuresOf,
  forgetFailures,
  noteSaid,
  takeBack,
} from "../store/people/signInFailureStore.ts";
import { type Tx, transact } from "../store/transaction.ts";
import { hashOfSecret } from "./secrets.ts";

/** Failures that are free of a wait, and the longest wait (ms). */
interface Allowance {
  free: number;
  longest: number;
}

/** A person mistypes; whoever guesses gets one guess a minute at a name, and a quarter of an hour at an address. */
const NAME: Allowance = { free: 5, longest: 60_000 };
const ADDRESS: Allowance = { free: 20, longest: 900_000 };
/** Failures are forgotten this long (ms) after the last of them. */
export const FORGET = 1_800_000;

/** A name or an address at which guesses have to wait. */
export interface Locked {
  /** Absent for an address. */
  name: string | undefined;
  place: string;
}

/** An attempt to sign in, as far as the password is not looked at. */
export interface Attempt {
  /** Time (ms) that it has to wait; 0 for none. */
  wait: number;
  /** To be called when it has succeeded. */
  succeed(): Promise<void>;
}

/**
 * Slows down guessing of passwords, by name and by address. Each failure beyond those that are free doubles the wait. A
 * success forgets those at the name; those of the address stay, or whoever has one account guesses on at others. Kept in the database, for all servers on it; hashed, since people type passwords for names.
 *
 * An attempt counts as a failure until it has succeeded, so that many at once are no way around the wait.
 *
 * @param name of the user; absent where none is guessed at
 * @param sayLocked says that guesses have to wait, in the transaction by which that counts as said
 */
export async function countAttempt(
  { database, now }: Pick<Context, "database" | "now">,
  address: string,
  name?: string,
  sayLocked: (tx: Tx, what: Locked) => Promise<void> = async () => {},
): Promise<Attempt> {
  const place = `address ${address}`;
  const looked: { key: string; allowance: Allowance; what: Locked }[] = [
    {
      key: hashOfSecret(`address ${placeOf(address)}`),
      allowance: ADDRESS,
      what: { name: undefined, place },
    },
  ];
  if (name !== undefined) {
    // However it is typed: names that look alike are one.
    looked.push({ key: hashOfSecret(`name ${likenessOf(name)}`), allowance: NAME, what: { name, place } });
  }
  const [ofAddress = "", ofName] = looked.map(({ key }) => key);
  const at = now();
  const found = await transact(database.db, async (tx) => {
    const waiting: { wait: number; before?: Failures | undefined } = { wait: 0 };
    const locked: Locked[] = [];
    for (const { key, allowance, what } of looked) {
      await takeTurn(tx, `sign-in ${key}`);
      const failures = await failuresOf(tx, key);
      const wait = waitOf(failures, allowance, at);
      waiting.wait = Math.max(waiting.wait, wait);
      if (wait > 0 && failures?.said === 0) locked.push(what);
      if (wait > 0) await noteSaid(tx, key);
    }
    for (const what of locked) await sayLocked(tx, what);
    if (waiting.wait > 0) return waiting;
    waiting.before = await failuresOf(tx, ofAddress);
    for (const { key } of looked) await countFailure(tx, key, at, at - FORGET);
    return waiting;
  });
  const succeed = async () =>
    await transact(database.db, async (tx) => {
      if (ofName !== undefined) await forgetFailures(tx, ofName);
      await takeTurn(tx, `sign-in ${ofAddress}`);
      await takeBack(tx, ofAddress, { at, before: found.before?.last });
    });
  return { ...found, succeed };
}

/** Time (ms) that an attempt still has to wait. */
function waitOf(failures: Failures | undefined, { free, longest }: Allowance, now: number): number {
  if (failures === undefined || failures.count < free || now - failures.last >= FORGET) return 0;
  const wait = Math.min(1_000 * 2 ** (failures.count - free), longest);
  return failures.last + wait - now;
}

/** One machine has many IPv6 addresses: its network (/64) counts as one. */
export function placeOf(address: string): string {
  try {
    const { family, hex } = parseAddress(address);
    return family === 6 ? hex.slice(0, 16) : hex;
  } catch {
    return address;
  }
}
