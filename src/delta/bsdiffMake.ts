import { writeInstruction } from "./bsdiffFormat.ts";
import { suffixArray } from "./suffixArray.ts";

/** The three streams of a bsdiff delta (docs/protocol.md), not yet compressed. */
export interface BsdiffStreams {
  control: Buffer;
  diff: Buffer;
  extra: Buffer;
}

/** Places in the two files that belong together. */
interface Alignment {
  base: number;
  target: number;
}

/** Bytes by which a match elsewhere must be better before the present alignment is left for it. */
const BETTER_BY = 8;

/**
 * The steps from `base` to `target`, after Percival, "Naive differences of executable code" (2003): for each
 * stretch that resembles one of the base the bytewise differences, which are nearly all zero where code has
 * only moved, and between such stretches the bytes themselves.
 */
export function bsdiff(base: Buffer, target: Buffer): BsdiffStreams {
  const control: number[] = [];
  const diff: Buffer[] = [];
  const extra: Buffer[] = [];
  let from: Alignment = { base: 0, target: 0 };
  let read = 0;
  for (const to of alignments(base, target)) {
    const { forward, backward } = divide(base, target, from, to);
    const start = to.target - backward;
    if (start === from.target) {
      from = { base: to.base - backward, target: start };
      continue;
    }
    diff.push(differences(base, target, from, forward));
    extra.push(target.subarray(from.target + forward, start));
    const insert = start - from.target - forward;
    writeInstruction(control, { seek: from.base - read, add: forward, insert });
    read = from.base + forward;
    from = { base: to.base - backward, target: start };
  }
  return { control: Buffer.from(control), diff: Buffer.concat(diff), extra: Buffer.concat(extra) };
}

/**
 * The places where the target, read from its start, begins to resemble another place of the base than before;
 * last, its end. An exact match is a new alignment when it is clearly longer than the one that the present
 * alignment would give.
 */
function* alignments(base: Buffer, target: Buffer): Generator<Alignment, void> {
  const longestMatch = matcher(base, target);
  let offset = 0;
  let match = { length: 0, base: 0 };
  for (let at = 0; at < target.length; ) {
    at += match.length;
    let same = 0;
    for (let scored = at; at < target.length; at++) {
      match = longestMatch(at);
      for (; scored < at + match.length; scored++) if (base[scored + offset] === target[scored]) same++;
      if ((match.length === same && same !== 0) || match.length > same + BETTER_BY) break;
      if (base[at + offset] === target[at]) same--;
    }
    if (match.length === same && at < target.length) continue;
    yield { base: match.base, target: at };
    offset = match.base - at;
  }
}

/** Finds the longest exact match in the base for the bytes at a place of the target. */
function matcher(base: Buffer, target: Buffer): (at: number) => { length: number; base: number } {
  const sorted = suffixArray(base);
  const lengthAt = (suffix: number, at: number) => {
    const limit = Math.min(base.length - suffix, target.length - at);
    let length = 0;
    while (length < limit && base[suffix + length] === target[at + length]) length++;
    return length;
  };
  return (at) => {
    let low = 0;
    for (let high = sorted.length - 1; high - low > 1; ) {
      const middle = (low + high) >> 1;
      if (isBefore(base, sorted[middle] as number, target, at)) low = middle;
      else high = middle;
    }
    let best = { length: 0, base: 0 };
    for (const suffix of sorted.subarray(low, low + 2)) {
      const length = lengthAt(suffix, at);
      if (length > best.length) best = { length, base: suffix };
    }
    return best;
  };
}

/** Most suffixes differ within so many bytes; only beyond is the native comparison worth its call. */
const NEAR = 24;

function isBefore(base: Buffer, suffix: number, target: Buffer, at: number): boolean {
  const limit = Math.min(base.length - suffix, target.length - at, NEAR);
  for (let index = 0; index < limit; index++) {
    const difference = (base[suffix + index] as number) - (target[at + index] as number);
    if (difference !== 0) return difference < 0;
  }
  return base.compare(target, at + limit, target.length, suffix + limit, base.length) < 0;
}

/**
 * Length of the stretch between two alignments that still resembles the base after the first, and the start
 * of the one that resembles it before the second; where both do, the boundary with the fewest differences.
 */
function divide(base: Buffer, target: Buffer, from: Alignment, to: Alignment) {
  const room = to.target - from.target;
  const isEnd = to.target === target.length;
  const forward = bestReach(Math.min(room, base.length - from.base), (step) => {
    return base[from.base + step] === target[from.target + step];
  });
  const backward = isEnd
    ? 0
    : bestReach(Math.min(room, to.base), (step) => {
        return base[to.base - 1 - step] === target[to.target - 1 - step];
      });
  const overlap = forward + backward - room;
  if (overlap <= 0) return { forward, backward };
  const first = forward - overlap;
  let gain = 0;
  let best = { gain: 0, keep: 0 };
  for (let step = 0; step < overlap; step++) {
    const byte = target[from.target + first + step];
    if (byte === base[from.base + first + step]) gain++;
    if (byte === base[to.base - backward + step]) gain--;
    if (gain > best.gain) best = { gain, keep: step + 1 };
  }
  return { forward: first + best.keep, backward: backward - best.keep };
}

/** The reach at which the bytes that are the same exceed those that are not by the most. */
function bestReach(limit: number, isSame: (step: number) => boolean): number {
  let balance = 0;
  let best = { balance: 0, reach: 0 };
  for (let step = 0; step < limit; step++) {
    balance += isSame(step) ? 1 : -1;
    if (balance > best.balance) best = { balance, reach: step + 1 };
  }
  return best.reach;
}

function differences(base: Buffer, target: Buffer, from: Alignment, length: number): Buffer {
  const result = Buffer.allocUnsafe(length);
  for (let step = 0; step < length; step++) {
    result[step] = (target[from.target + step] as number) - (base[from.base + step] as number);
  }
  return result;
}
