import type { IncomingHttpHeaders } from "node:http";
import { NearsourceError } from "../../src/errors.ts";
import type { Fetcher, GetOptions, Response } from "../../src/http/fetcher.ts";
import { toStatusError } from "../../src/http/httpErrors.ts";
import { sha256 } from "../support/world.ts";

/** The kind of file that a request to a source is for. */
export type FileClass = "root" | "timestamp" | "snapshot" | "targets" | "role" | "document" | "object";

/** A source as it is for the length of one run: what it has, and how it fails. */
export interface SimulatedSource {
  content: ReadonlyMap<string, Buffer>;
  settings: ReadonlyMap<string, Buffer>;
  fault: Fault;
  etags: boolean;
  ranges: boolean;
}

export interface Fault {
  how: How;
  /** The files that are hit: every one, or those of a class. */
  on: "everything" | FileClass;
  /** Whether only every other one of them is hit, by its hash or name. */
  half: boolean;
}

/**
 * The fault that comes instead of a file. `once` is a connection that breaks at the first request that is
 * hit.
 */
export type How = (typeof HOWS)[number];
export const HOWS = [
  "none",
  "once",
  "refused",
  "reset",
  "500",
  "404",
  "403",
  "503",
  "stalled",
  "truncated",
  "short",
  "altered",
  "longer",
  "poisoned",
] as const;

/** Faults that come before any body. */
export const NO_ANSWER: Partial<Record<How, NearsourceError["code"]>> = {
  once: "CONNECTION_RESET",
  refused: "CONNECTION_REFUSED",
  reset: "CONNECTION_RESET",
  "500": "HTTP_SERVER_ERROR",
  "404": "HTTP_NOT_FOUND",
  "403": "HTTP_FORBIDDEN",
  "503": "SOURCE_BUSY",
};

export function classOf(file: string): FileClass {
  if (file.startsWith("content/objects/")) return "object";
  if (!file.includes("/metadata/")) return "document";
  const role = file.match(/(?:\/|\.)(root|timestamp|snapshot|targets)\.json$/)?.[1];
  return (role ?? "role") as FileClass;
}

/** Whether the fault of a source hits `file`. */
export function isHit(fault: Fault, file: string): boolean {
  if (fault.how === "none") return false;
  if (fault.on !== "everything" && fault.on !== classOf(file)) return false;
  return !fault.half || sha256(Buffer.from(file)).charCodeAt(0) % 2 === 0;
}

/**
 * HTTP without sockets: what the fetcher of the product promises (src/http/client.ts), answered from memory.
 *
 * @param sources by base URL
 * @param onRequest told of each request before it is answered
 */
export function simulatedFetcher(
  sources: ReadonlyMap<string, SimulatedSource>,
  onRequest: () => void = () => {},
): Fetcher {
  const broken = new Set<SimulatedSource>();
  const get = async (start: string, request: GetOptions = {}): Promise<Response> => {
    onRequest();
    const [base, source] = [...sources].find(([each]) => start.startsWith(`${each}/`)) ?? [];
    const url = new URL(start);
    if (source === undefined) throw new NearsourceError("DNS_NOT_FOUND", `${url.host} does not exist`);
    const file = start.slice((base?.length ?? 0) + 1);
    let { how } = source.fault;
    if (!isHit(source.fault, file) || (how === "once" && broken.has(source))) how = "none";
    if (how === "once") broken.add(source);
    return checked(answer(source, file, url, how, request.headers ?? {}), url, request);
  };
  return { get, limitRate: () => {}, close: () => {} };
}

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  pieces: Buffer[];
  /** The error that the body ends with instead of its end. */
  failure?: NearsourceError;
}

function answer(
  source: SimulatedSource,
  file: string,
  url: URL,
  how: How,
  headers: Record<string, string>,
): Answer {
  const empty = { headers: {}, pieces: [] };
  const code = NO_ANSWER[how];
  if (code !== undefined && /^\d+$/.test(how)) return { status: Number(how), ...empty };
  if (code !== undefined) throw new NearsourceError(code, `${url.host}: ${how}`);
  const tree = file.startsWith("settings/") ? source.settings : source.content;
  const bytes = tree.get(file);
  if (bytes === undefined) return { status: 404, ...empty };
  const etag = `"${sha256(bytes).slice(0, 16)}"`;
  const own = source.etags ? { etag } : {};
  if (how === "none" && source.etags && headers["if-none-match"] === etag) {
    return { status: 304, headers: own, pieces: [] };
  }
  const from = source.ranges ? Number(headers.range?.match(/^bytes=(\d+)-$/)?.[1] ?? 0) : 0;
  if (from > 0 && from >= bytes.length) return { status: 416, ...empty };
  const range = from === 0 ? {} : { "content-range": `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
  const status = from === 0 ? 200 : 206;
  return { status, ...spoil(bytes.subarray(from), how, url, { ...own, ...range }) };
}

/** The body as the fault has it; its length is announced unless the fault is about that. */
function spoil(bytes: Buffer, how: How, url: URL, own: IncomingHttpHeaders): Omit<Answer, "status"> {
  const headers = { ...own, "content-length": String(bytes.length) };
  const first = bytes.subarray(0, Math.floor(bytes.length / 2));
  const fail = (code: NearsourceError["code"]) => new NearsourceError(code, `${url.host}: ${how}`);
  switch (how) {
    case "stalled":
      return { headers, pieces: [first], failure: fail("STALLED") };
    case "truncated":
      return { headers, pieces: [first], failure: fail("TRUNCATED") };
    case "poisoned":
      return { headers, pieces: [flipLast(first)], failure: fail("TRUNCATED") };
    case "short":
      return { headers: own, pieces: [first] };
    case "altered":
      return { headers, pieces: [flipLast(bytes)] };
    case "longer":
      return { headers: own, pieces: [bytes, Buffer.from("and more")] };
    default:
      return { headers, pieces: [first, bytes.subarray(first.length)] };
  }
}

function flipLast(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const last = copy.length - 1;
  if (last >= 0) copy[last] = (copy[last] as number) ^ 1;
  return copy;
}

function checked({ status, headers, pieces, failure }: Answer, url: URL, request: GetOptions): Response {
  if (!(request.accept ?? [200]).includes(status)) throw toStatusError(status, url);
  return {
    status,
    headers,
    url,
    address: undefined,
    async *read() {
      for (const piece of pieces) if (piece.length > 0) yield piece;
      if (failure !== undefined) throw failure;
    },
    discard: async () => {},
  };
}
