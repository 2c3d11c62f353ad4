/** The headers of an answer that say how far its entity tag may be relied on. */
export interface TagHeaders {
  etag?: string | undefined;
  date?: string | undefined;
  "last-modified"?: string | undefined;
}

/** A file is changed so long (ms) before it was fetched that no change of the same moment is still to come. */
const LEAST_AGE = 2_000;

/**
 * The entity tag to ask with the next time; undefined where it may yet become that of another file. Many web
 * servers make it of second and length, so that two files of one second and length share it: it counts once
 * its file is older by that server's own clock (RFC 9110 §8.8.2.2).
 */
export function lastingTag(headers: TagHeaders): string | undefined {
  const modified = headers["last-modified"];
  if (headers.etag === undefined || modified === undefined) return headers.etag;
  const age = Date.parse(headers.date ?? "") - Date.parse(modified);
  return age >= LEAST_AGE ? headers.etag : undefined;
}
