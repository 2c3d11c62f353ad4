import { createReadStream, promises as fs } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { selectRange } from "../../http/range.ts";
import { sha256 } from "../../store/sha256.ts";
import { conditionsOf, describePart, type Headers, refuse } from "../../tree/answerDocument.ts";
import { CHANGING, LASTING } from "../../tree/publications.ts";

const NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,99}";
/** A vendor may have roles of any name, escaped as in a URL; `timestamp` alone has no version. */
const ROLE = String.raw`(?:timestamp|[1-9]\d{0,9}\.[A-Za-z0-9][A-Za-z0-9._%~!*'()-]{0,199})`;
const METADATA = String.raw`(?:content|settings)/metadata/${ROLE}\.json`;
const TARGET = `(?:content/targets/(?:components|programs)|settings/targets/settings(?:/${NAME})?)/[0-9a-f]{64}\\.${NAME}\\.json`;
/** All that there is to ask for: a path that is anything else never reaches the disk. */
const SERVED = new RegExp(`^/(?:${METADATA}|${TARGET}|content/objects/[0-9a-f]{2}/[0-9a-f]{64})$`);

/** Whether a path is of one of the trees, as the publisher names their files. */
export function isTreePath(url: string): boolean {
  return /^\/(?:content|settings)\//.test(url);
}

/** Answers from the published trees by GET and HEAD, with strong entity tags and ranges. */
export async function serveTreeFile(
  www: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { url = "", method } = request;
  const isObject = url.startsWith("/content/objects/");
  if (!SERVED.test(url) || (isObject && url.slice(17, 19) !== url.slice(20, 22)))
    return refuse(response, 404);
  if (method !== "GET" && method !== "HEAD") return refuse(response, 405, { allow: "GET, HEAD" });
  const file = path.join(www, ...url.split("/").slice(1));
  const found = await fs.lstat(file).catch(() => undefined);
  if (found?.isFile() !== true) return refuse(response, 404);
  // An object is named by its hash; metadata and documents are small.
  const bytes = isObject ? undefined : await fs.readFile(file);
  const length = bytes?.length ?? found.size;
  const etag = `"${bytes === undefined ? url.slice(20) : sha256(bytes)}"`;
  const headers: Headers = {
    etag,
    "cache-control": url.endsWith("/timestamp.json") ? CHANGING : LASTING,
    "content-type": isObject ? "application/octet-stream" : "application/json",
  };
  const selection = selectRange(conditionsOf(request), { length, etag });
  if (selection.first === undefined) return refuse(response, selection.status, headers, length);
  const { status, first, last } = selection;
  describePart(headers, status, first, last, length);
  response.writeHead(status, headers);
  if (method === "HEAD" || last < first) response.end();
  else if (bytes !== undefined) response.end(bytes.subarray(first, last + 1));
  else await pipeline(createReadStream(file, { start: first, end: last }), response);
}
