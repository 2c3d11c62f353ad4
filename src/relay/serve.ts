import type { IncomingMessage, ServerResponse } from "node:http";
import type { Repository } from "../core/content/layout.ts";
import { selectRange } from "../http/range.ts";
import type { RateLimiter } from "../http/rateLimiter.ts";
import { formatRelayState, pauseWhileFilling, type RelayState, STATE_HEADER } from "../http/relayState.ts";
import { parseVia, refusedHops } from "../http/via.ts";
import { answerDocument, conditionsOf, describePart, type Headers, refuse } from "../tree/answerDocument.ts";
import type { CatalogObject } from "../tree/catalog.ts";
import { LASTING } from "../tree/publications.ts";
import type { Admission, Ticket } from "./admission.ts";
import type { Piece } from "./blockPool.ts";
import type { AnnouncementDelay } from "./fill/announcementDelay.ts";
import type { Objects } from "./fill/objects.ts";
import type { Mirror } from "./mirror/mirror.ts";
import { sendBody } from "./sendBody.ts";
import type { RelayStats } from "./stats.ts";
import { PIECE } from "./verifiedFile.ts";
import { createTurns } from "./writeTurns.ts";

export interface ServeParts {
  mirror: Mirror;
  objects: Objects;
  admission: Admission;
  limiter: RateLimiter;
  stats: RelayStats;
  /** False while this agent serves nobody: too little room. */
  isOpen(): boolean;
  delay: Pick<AnnouncementDelay, "state">;
  /** Bytes a second that come from upstream; undefined when that is not known. */
  fillRate(): number | undefined;
  pseudonym: string;
  /** Ends all transfers. */
  signal: AbortSignal;
}

/** Bytes that are written in one turn of the loop. */
const TURN = 4_194_304;
/** Time (ms) that a client is given nothing while its object is fetched, before it is told to ask again. */
const MISS_PATIENCE = 5_000;
/** Seconds after which a client that was sent away may ask again. */
const RETRY_AFTER = 10;
const RETRY_WHEN_LATE = 60;
/** Update Agents that wait for each other, and are named: more hops than that are refused. */
const MOST_NAMES = 4;

/**
 * Answers requests from the catalog: any path that is not in its map is 404. No path of a file is made of a
 * client's text.
 */
export function createServe(parts: ServeParts): (request: IncomingMessage, response: ServerResponse) => void {
  const { mirror, stats } = parts;
  const turns = createTurns(TURN);
  return (request, response) => {
    const { method = "", url = "", headers } = request;
    // Bodies are not read here, so the bytes after one on this connection would be read as part of it.
    if (headers["content-length"] !== undefined || headers["transfer-encoding"] !== undefined) {
      response.setHeader("connection", "close");
    }
    const served = mirror.lookUp(url);
    if (served === undefined) return refuse(response, 404);
    if (method !== "GET" && method !== "HEAD") return refuse(response, 405, { allow: "GET, HEAD" });
    if (!parts.isOpen()) return refuseFor(parts, response, "room");
    const via = parseVia(headers.via);
    if (via.length > 0 && refusedHops(via, parts.pseudonym) !== undefined) {
      stats.refusals.loop++;
      return refuse(response, 508);
    }
    if ("object" in served) {
      serveObject(parts, turns, served.object, via, request, response).catch(() => response.destroy());
    } else if ("timestampOf" in served) {
      serveTimestamp(parts, served.timestampOf, via, request, response).catch(() => response.destroy());
    } else {
      stats.documents++;
      answerDocument(served, request, response);
    }
  };
}

/**
 * Serves a timestamp. A publication that is held back is reported; one that is held back for too long ends
 * the answers for older ones.
 */
async function serveTimestamp(
  parts: ServeParts,
  repository: Repository,
  via: string[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const revalidate = /\b(?:no-cache|max-age=0)\b/.test(request.headers["cache-control"] ?? "");
  const announced = await parts.mirror.confirm(repository, via, revalidate);
  const held = repository === "content" ? parts.delay.state() : undefined;
  const state = held && { ...held, through: [parts.pseudonym, ...(held.through ?? [])].slice(0, MOST_NAMES) };
  if (state?.state === "late") return refuseFor(parts, response, "late");
  if (announced === undefined) {
    return refuseFor(parts, response, state?.state === "filling" ? "filling" : "upstream", state);
  }
  const more = state?.state === "filling" ? stateHeaders(state) : {};
  parts.stats.documents++;
  answerDocument(announced, request, response, more);
}

function stateHeaders(state: RelayState): Headers {
  return { [STATE_HEADER]: formatRelayState(state), "retry-after": pauseWhileFilling(state) };
}

async function serveObject(
  parts: ServeParts,
  turns: ReturnType<typeof createTurns>,
  object: CatalogObject,
  via: string[],
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { admission, objects, stats } = parts;
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
    const arrival = arrivalOf(parts, object, last);
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
  { limiter, signal, stats }: ServeParts,
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
 * @param last byte that is asked for
 */
function arrivalOf({ objects, fillRate }: ServeParts, object: CatalogObject, last: number) {
  const arrived = objects.arrived(object);
  const rate = fillRate();
  if (arrived === undefined || arrived > last || rate === undefined) return "unknown";
  const step = Math.min(object.blocks?.size ?? object.length, object.length);
  const isSteady = (step * 1_000) / rate <= MISS_PATIENCE;
  return object.blocks === undefined ? "unknown" : isSteady ? "streams" : "slow";
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

/** The state reported to a client for each reason to refuse it. */
const STATE_OF: Record<keyof RelayStats["refusals"], RelayState["state"]> = {
  transfers: "full",
  client: "full",
  room: "room",
  loop: "unavailable",
  upstream: "unavailable",
  filling: "filling",
  late: "late",
};

function refuseFor(
  { stats }: ServeParts,
  response: ServerResponse,
  reason: keyof RelayStats["refusals"],
  state: RelayState = { state: STATE_OF[reason] },
): void {
  stats.refusals[reason]++;
  if (response.destroyed) return;
  const pause = reason === "late" ? RETRY_WHEN_LATE : RETRY_AFTER;
  const isFilling = state.state === "filling";
  refuse(response, 503, isFilling ? stateHeaders(state) : { ...stateHeaders(state), "retry-after": pause });
}

/** The object is on its way, and its client does well to wait for it. */
function refuseFilling(parts: ServeParts, object: CatalogObject, response: ServerResponse): void {
  const missing = parts.objects.missing([object]);
  const rate = parts.fillRate();
  const seconds = rate === undefined ? undefined : missing / rate;
  refuseFor(parts, response, "filling", { state: "filling", missing, seconds });
}
