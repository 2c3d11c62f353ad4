import type { IncomingMessage, ServerResponse } from "node:http";
import { type RequestConditions, selectRange } from "../http/range.ts";
import { CHANGING, type Document, LASTING } from "./publications.ts";

export type Headers = Record<string, string | number>;

/** The conditions of a request on the part and the state it is for (RFC 9110 §13, §14). */
export function conditionsOf({ method = "", headers }: IncomingMessage): RequestConditions {
  return {
    method,
    ifMatch: headers["if-match"],
    ifNoneMatch: headers["if-none-match"],
    ifRange: headers["if-range"] as string | undefined,
    range: headers.range,
  };
}

function isPlain({ method, headers }: IncomingMessage): boolean {
  const { range, "if-none-match": ifNoneMatch, "if-match": ifMatch } = headers;
  return method === "GET" && range === undefined && ifNoneMatch === undefined && ifMatch === undefined;
}

/**
 * Answers with a small file from memory: the whole, the part that is asked for, or that it is the one that
 * the client has.
 *
 * @param more headers that go with it
 */
export function answerDocument(
  document: Document,
  request: IncomingMessage,
  response: ServerResponse,
  more: Headers = {},
): void {
  const { bytes, etag, lasting, age } = document;
  // The usual request: the whole of a document that does not change.
  if (age === undefined && isPlain(request)) {
    response.writeHead(200, document.headers).end(bytes);
    return;
  }
  const selection = selectRange(conditionsOf(request), { length: bytes.length, etag });
  const headers: Headers = {
    etag,
    "cache-control": lasting ? LASTING : CHANGING,
    "content-type": "application/json",
    ...(age === undefined ? {} : { age }),
    ...more,
  };
  if (selection.first === undefined) {
    refuse(response, selection.status, headers, bytes.length);
    return;
  }
  const { status, first, last } = selection;
  describePart(headers, status, first, last, bytes.length);
  response.writeHead(status, headers);
  response.end(request.method === "HEAD" ? undefined : bytes.subarray(first, last + 1));
}

/** Describes the bytes from `first` to `last` of `length` (RFC 9110 §14.4). */
export function describePart(
  headers: Headers,
  status: 200 | 206,
  first: number,
  last: number,
  length: number,
): void {
  headers["accept-ranges"] = "bytes";
  headers["content-length"] = last - first + 1;
  if (status === 206) headers["content-range"] = `bytes ${first}-${last}/${length}`;
}

/** An answer without a body; `length` is that of the whole, where a part of it was asked for that there is not. */
export function refuse(
  response: ServerResponse,
  status: number,
  headers: Headers = {},
  length?: number,
): void {
  if (status === 416) headers = { ...headers, "content-range": `bytes */${length}` };
  if (status !== 304) headers = { ...headers, "content-length": 0, "cache-control": "no-store" };
  response.writeHead(status, headers).end();
}
