import type { IncomingMessage, ServerResponse } from "node:http";
import type { Repository } from "../../core/content/layout.ts";
import { AGENT_HEADER, parseVia, refusedHops } from "../../http/via.ts";
import { answerDocument, refuse } from "../../tree/answerDocument.ts";
import type { AnnouncementDelay } from "../fill/announcementDelay.ts";
import type { Mirror } from "../mirror/mirror.ts";
import { refuseFor, stateHeaders } from "./refusal.ts";
import { type ObjectParts, serveObject } from "./serveObject.ts";
import { createTurns } from "./writeTurns.ts";

export interface ServeParts extends ObjectParts {
  mirror: Mirror;
  /** False while this agent serves nobody: too little room. */
  isOpen(): boolean;
  delay: Pick<AnnouncementDelay, "state">;
  pseudonym: string;
}

/** Bytes that are written in one turn of the loop. */
const TURN = 4_194_304;
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
  const own = { [AGENT_HEADER]: parts.pseudonym };
  const more = state?.state === "filling" ? { ...own, ...stateHeaders(state) } : own;
  parts.stats.documents++;
  answerDocument(announced, request, response, more);
}
