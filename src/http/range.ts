/** The conditions and the range of a request, as its headers stand (RFC 9110 §13 and §14). */
export interface RequestConditions {
  method: string;
  ifMatch?: string | undefined;
  ifNoneMatch?: string | undefined;
  ifRange?: string | undefined;
  range?: string | undefined;
}

/** The file served: its length in bytes, and its strong entity tag with the quotes. */
export interface Representation {
  length: number;
  etag: string;
}

/** The part to answer with: the whole, a part (`first` and `last` inclusive), or no body. */
export type Selection =
  | { status: 200 | 206; first: number; last: number }
  | { status: 304 | 412 | 416; first?: undefined; last?: undefined };

/**
 * Selects the part of a representation that a GET or HEAD is answered with, in the order of RFC 9110 §13.2.2.
 * A list of several ranges is answered with the whole, as §14.2 allows: an answer is never longer than the
 * file, for any number of ranges.
 */
export function selectRange(request: RequestConditions, { length, etag }: Representation): Selection {
  const { method, ifMatch, ifNoneMatch, ifRange, range } = request;
  if (ifMatch !== undefined && !lists(ifMatch, etag, false)) return { status: 412 };
  if (ifNoneMatch !== undefined && lists(ifNoneMatch, etag, true)) return { status: 304 };
  const whole: Selection = { status: 200, first: 0, last: length - 1 };
  // Only GET has ranges (§14.2). There is no date to compare If-Range with, so only the tag counts (§13.1.5).
  if (method !== "GET" || range === undefined) return whole;
  if (ifRange !== undefined && ifRange.trim() !== etag) return whole;
  const asked = parseRange(range);
  if (asked === undefined) return whole;
  const first = asked.first ?? Math.max(length - asked.last, 0);
  const last = asked.first === undefined ? length - 1 : Math.min(asked.last, length - 1);
  // A suffix of no bytes, and a beginning past the end, can be satisfied by nothing (§14.1.2).
  if (first >= length || last < first) return { status: 416 };
  return { status: 206, first, last };
}

/** One range of bytes; `first` undefined for a suffix, whose length is `last`. */
interface AskedRange {
  first: number | undefined;
  last: number;
}

/** A single range of bytes; undefined for a header that has none, or several, and so is to be ignored. */
function parseRange(header: string): AskedRange | undefined {
  const [, from = "", to = ""] = /^bytes=[ \t]*(\d{0,16})-(\d{0,16})[ \t]*$/i.exec(header.trim()) ?? [];
  if (from === "" && to === "") return undefined;
  if (from === "") return { first: undefined, last: Number(to) };
  const [first, last] = [Number(from), to === "" ? Number.MAX_SAFE_INTEGER : Number(to)];
  return last < first ? undefined : { first, last };
}

/** A range as a response gives it; `last` inclusive, `length` of the whole, undefined if it is not given. */
export interface ContentRange {
  first: number;
  last: number;
  length: number | undefined;
}

/**
 * The range of a `Content-Range: bytes first-last/length` (RFC 9110 §14.4). Names of units know no case
 * (§14.1), and servers are met that write `=` where a blank belongs.
 */
export function parseContentRange(header: string | undefined): ContentRange | undefined {
  const [, first, last, length] =
    header?.match(/^[ \t]*bytes[ \t=]+(\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)[ \t]*$/i) ?? [];
  if (first === undefined || last === undefined) return undefined;
  return { first: Number(first), last: Number(last), length: length === "*" ? undefined : Number(length) };
}

/** Whether an entity tag is in a header's list (§8.8.3.2); `weak`: a tag that differs in weakness alone counts. */
function lists(header: string, etag: string, weak: boolean): boolean {
  return header.split(",").some((each) => {
    const tag = each.trim();
    return tag === "*" || (weak ? tag.replace(/^W\//, "") : tag) === etag;
  });
}
