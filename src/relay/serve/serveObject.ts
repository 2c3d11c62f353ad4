import type { IncomingMessage, ServerResponse } from "node:http";
import { selectRange } from "../../http/range.ts";
import type { RateLimiter } from "../../http/rateLimiter.ts";
import { conditionsOf, describePart, type Headers, refuse } from "../../tree/answerDocument.ts";
import type { CatalogObject } from "../../tree/catalog.ts";
import { LASTING } from "../../tree/publications.ts";
import type { Piece } from "../blockPool.ts";
import type { Objects } from "../fill/objects.ts";
import { PIECE } from "../verifiedFile.ts";
import type { Admission, Ticket } from "./admission.ts";
import { type RefusalParts, refuseFilling, refuseFor } from "./refusal.ts";
import { sendBody } from "./sendBody.ts";
import type { createTurns } from "./writeTurns.ts";

/** All that objects are sent with. */
export interface ObjectParts extends RefusalParts {
  objects: Objects;
  admission: Admission;
  limiter: RateLimiter;
  /** Ends all transfers. */
  signal: AbortSignal;
}

/** Time (ms) that a client is given nothing while its object is fetched, before it is told to ask again. */
const MISS_PATIENCE = 5_000;

export async function serveObject(
  parts: ObjectParts,
  turns: ReturnType<typeof createTurns>,
  object: CatalogObject,
  via: string[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { admission, objects, stats, fillRate } = parts;
  const etag = `"${object.sha256}"`;
  const selection = selectRange(conditionsOf(request), { length: object.length, etag });
  const headers: Headers = {
    etag,
    "cache-control": LASTING,
    "content-type": "application/octet-stream",
  };
  if (selection.first === undefined) return refuse(response, selection.status, headers, object.length);
  const { status, first, last } = selection;
  describePart(headers, status, first, last, object.length);
  if (request.method === "HEAD" || last < first) {
    response.writeHead(status, headers).end();
    return;
  }
  let wasCut = false;
  const ticket = admission.enter(request.socket.remoteAddress ?? "", () => {
    wasCut = true;
    response.destroy();
  });
  if (typeof ticket === "string") return refuseFor(parts, response, ticket);
  try {
    if (!objects.isHeld(object)) stats.misses++;
    const read = (index: number) => objects.read(object, index, via);
    const arrival = arrivalOf(object, objects.arrived(object), fillRate(), last);
    if (arrival === "slow") return refuseFilling(parts, object, response);
    const came =
      arrival === "streams" ? "in time" : await isComing(read(Math.floor(first / PIECE)), response);
    if (came === "late") return refuseFilling(parts, object, response);
    if (came === "never") return refuseFor(parts, response, "upstream");
    response.writeHead(status, headers);
    if (arrival === "streams") response.flushHeaders();
    const isWhole = await transfer(parts, turns, ticket, read, { first, last }, response);
    if (!wasCut) stats.transfers[isWhole ? "complete" : "aborted"]++;
  } finally {
    ticket.leave();
  }
}

async function transfer(
  { limiter, signal, stats }: ObjectParts,
  turns: ReturnType<typeof createTurns>,
  ticket: Ticket,
  read: (index: number) => Promise<Piece> | Piece,
  part: { first: number; last: number },
  response: ServerResponse,
): Promise<boolean> {
  const onSent = (bytes: number) => {
    stats.bytes += bytes;
  };
  try {
    return await sendBody(response, part, { read, ticket, turns, limiter, signal, onSent });
  } catch (error) {
    // The bytes sent are right, and the client asks another source for the rest.
    stats.transfers.failed++;
    throw error;
  }
}

/**
 * The arrival of an object in transfer: `streams` when blocks come in such order that a client does not take
 * it for stalled, and can be sent the head at once.
 *
 * @param arrived bytes of it that are here, from its beginning; undefined for one that is not on its way
 * @param rate bytes a second that come from upstream; undefined when that is not known
 * @param last byte that is asked for
 */
function arrivalOf(
  { blocks, length }: CatalogObject,
  arrived: number | undefined,
  rate: number | undefined,
  last: number,
): "unknown" | "streams" | "slow" {
  if (arrived === undefined || arrived > last || rate === undefined || blocks === undefined) return "unknown";
  const isSteady = (Math.min(blocks.size, length) * 1_000) / rate <= MISS_PATIENCE;
  return isSteady ? "streams" : "slow";
}

/** Whether the first piece is here before the client would have given up by itself. */
async function isComing(
  piece: Promise<Piece> | Piece,
  response: ServerResponse,
): Promise<"in time" | "late" | "never"> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late" | "never">((resolve) => {
    timer = setTimeout(resolve, MISS_PATIENCE, "late");
    response.once("close", () => resolve("never"));
  });
  const came = Promise.resolve(piece).then(
    ({ release }) => {
      release();
      return "in time" as const;
    },
    () => "never" as const,
  );
  return await Promise.race([came, late]).finally(() => clearTimeout(timer));
}
