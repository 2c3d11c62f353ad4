import type { ServerResponse } from "node:http";
import type { RateLimiter } from "../../http/rateLimiter.ts";
import type { Piece } from "../blockPool.ts";
import { PIECE } from "../verifiedFile.ts";
import type { Ticket } from "./admission.ts";
import type { Turns } from "./writeTurns.ts";

export interface TransferMeans {
  /** The piece that begins at `index * PIECE`. */
  read(index: number): Promise<Piece> | Piece;
  ticket: Ticket;
  turns: Turns;
  limiter: RateLimiter;
  signal: AbortSignal;
  /** Called with the length of each piece handed to the network. */
  onSent(bytes: number): void;
}

/** Time (ms) after which a reader that has not taken its bytes is given less at a time. */
const SLOW = 1_000;
const SMALLEST = 65_536;

/**
 * Sends the bytes from `first` to `last` as the body, at the reader's pace: never more than one piece waits
 * for it in this process.
 *
 * @returns false when the connection ended before all was taken
 * @throws the errors of `read`
 */
export async function sendBody(
  response: ServerResponse,
  { first, last }: { first: number; last: number },
  means: TransferMeans,
): Promise<boolean> {
  const reader = watchReader(response, means.ticket);
  let size = SMALLEST;
  for (let at = first; at <= last; ) {
    const index = Math.floor(at / PIECE);
    const found = means.read(index);
    const piece = "bytes" in found ? found : await reader.unlessGone(found);
    if (piece === undefined) return false;
    const from = at - index * PIECE;
    const part = piece.bytes.subarray(from, Math.min(from + size, last + 1 - index * PIECE));
    await means.turns.take(part.length);
    await means.limiter.take(part.length, means.signal);
    if (response.destroyed) return false;
    at += part.length;
    means.onSent(part.length);
    // After the connection broke, the bytes may still be in use.
    const isTaken = response.write(part, (error) => {
      if (!error) piece.release();
    });
    if (isTaken) continue;
    const began = performance.now();
    if (!(await reader.takes(part.length))) return false;
    size = performance.now() - began > SLOW ? SMALLEST : PIECE;
  }
  response.end();
  return response.writableFinished || (await reader.finishes(size));
}

/** Waits for the reader, under its ticket. */
function watchReader(response: ServerResponse, ticket: Ticket) {
  let go: ((taken: boolean) => void) | undefined;
  let gone = () => {};
  const settle = (taken: boolean) => {
    ticket.taken();
    go?.(taken);
    go = undefined;
  };
  response.on("drain", () => settle(true));
  response.once("finish", () => settle(true));
  response.once("close", () => {
    settle(response.writableFinished);
    gone();
  });
  /** Undefined when the reader goes first. A race against one promise for all pieces would keep them all. */
  const unlessGone = <Result>(result: Promise<Result>): Promise<Result | undefined> =>
    new Promise((resolve, reject) => {
      gone = () => resolve(undefined);
      if (response.closed) gone();
      result.then(resolve, reject);
    });
  const takes = (bytes: number) => {
    ticket.waitsFor(bytes);
    return new Promise<boolean>((resolve) => {
      go = resolve;
    });
  };
  return { unlessGone, takes, finishes: takes };
}
