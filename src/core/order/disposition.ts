import { type ErrorCode, type NearsourceError, toNearsourceError } from "../../errors.ts";

/**
 * What an error does to a run: try the same source once more, go on to the next, or stop. Only what
 * no other source can mend stops a run (docs/design.md §2).
 */
export type Disposition = "retry here" | "next source" | "stop";

/** The one table. A code without a row does not compile. */
export const DISPOSITIONS: Record<ErrorCode, Disposition> = {
  // A fresh connection or a moment's wait often mends these; once, and then the next source.
  CONNECTION_RESET: "retry here",
  HTTP_SERVER_ERROR: "retry here",
  TRUNCATED: "retry here",

  // This source is of no use to this run.
  DNS_NOT_FOUND: "next source",
  DNS_NO_ADDRESS: "next source",
  DNS_SERVER_FAILURE: "next source",
  DNS_TIMEOUT: "next source",
  DNS_MALFORMED: "next source",
  CONNECTION_REFUSED: "next source",
  CONNECTION_TIMEOUT: "next source",
  HOST_UNREACHABLE: "next source",
  CONNECTION_FAILED: "next source",
  ADDRESS_REFUSED: "next source",
  SOURCE_IS_SELF: "next source",
  TLS_CERTIFICATE: "next source",
  TLS_FAILED: "next source",
  PROXY_FAILED: "next source",
  RESPONSE_TIMEOUT: "next source",
  HTTP_PROTOCOL: "next source",
  HTTP_STATUS: "next source",
  HTTP_FORBIDDEN: "next source",
  HTTP_NOT_FOUND: "next source",
  SOURCE_BUSY: "next source",
  REDIRECT_REFUSED: "next source",
  ENCODING_REFUSED: "next source",
  RANGE_INVALID: "next source",
  STALLED: "next source",
  TOO_SLOW: "next source",
  LENGTH_MISMATCH: "next source",
  HASH_MISMATCH: "next source",
  METADATA_TOO_LARGE: "next source",
  METADATA_MALFORMED: "next source",
  METADATA_MISMATCH: "next source",
  METADATA_OLDER: "next source",
  METADATA_EXPIRED: "next source",
  SIGNATURE_INVALID: "next source",
  MANIFEST_INVALID: "next source",
  RELEASE_UNAVAILABLE: "next source",
  NOT_OFFERED: "next source",
  DELTA_FAILED: "next source",
  // A source can deliver a list or policy that does not parse; another may have a newer one.
  SOURCE_LIST_INVALID: "next source",
  POLICY_INVALID: "next source",
  SETTINGS_INVALID: "next source",

  // No other source mends these.
  USAGE: "stop",
  CONFIG_INVALID: "stop",
  CONFIG_NOT_FOUND: "stop",
  FILE_UNSAFE: "stop",
  TLS_CHECKS_DISABLED: "stop",
  TRUST_ROOT_INVALID: "stop",
  CLOCK_BEHIND: "stop",
  LOCKED: "stop",
  DISK_FULL: "stop",
  STORAGE_UNWRITABLE: "stop",
  STORAGE_UNSAFE: "stop",
  STORAGE_FAILED: "stop",
  STORE_DAMAGED: "stop",
  GENERATION_NOT_FOUND: "stop",
  HOOK_FAILED: "stop",
  REPOSITORY_EXISTS: "stop",
  REPOSITORY_INVALID: "stop",
  REPOSITORY_INPUT_INVALID: "stop",
  KEY_INVALID: "stop",
  THRESHOLD_NOT_MET: "stop",
  INTERRUPTED: "stop",
  UNEXPECTED: "stop",
};

/**
 * Codes that mean the source lied rather than failed. The run goes on to the next source, and says so
 * at error level even when it succeeds.
 */
const LIES: ReadonlySet<ErrorCode> = new Set(["HASH_MISMATCH", "SIGNATURE_INVALID", "METADATA_MISMATCH"]);

/** Whether `code` shows that the source offered something that is not what was signed. */
export function isLie(code: ErrorCode): boolean {
  return LIES.has(code);
}

/**
 * Answers that say nothing of other requests, or of the source as a whole. After any other code it counts
 * as dead for the rest of the run, and no later step asks it again. Many servers say 403 for what is not
 * there.
 */
const ABOUT_ONE_FILE: ReadonlySet<ErrorCode> = new Set([
  "HTTP_NOT_FOUND",
  "HTTP_FORBIDDEN",
  "HTTP_STATUS",
  "MANIFEST_INVALID",
  "RELEASE_UNAVAILABLE",
  "NOT_OFFERED",
  "DELTA_FAILED",
  "METADATA_EXPIRED",
  "METADATA_OLDER",
  "SOURCE_LIST_INVALID",
  "POLICY_INVALID",
  "SETTINGS_INVALID",
]);

/** What a source of which only one kind is wrong may answer too: damaged, altered or broken files of that kind. */
const ABOUT_ONE_KIND: ReadonlySet<ErrorCode> = new Set([
  "HTTP_SERVER_ERROR",
  "REDIRECT_REFUSED",
  "ENCODING_REFUSED",
  "RANGE_INVALID",
  "LENGTH_MISMATCH",
  "HASH_MISMATCH",
  "METADATA_TOO_LARGE",
  "METADATA_MALFORMED",
  "METADATA_MISMATCH",
  "SIGNATURE_INVALID",
]);

/** Whether a source at which one way to a file failed with `code` is asked for another way to it. */
export function leavesOtherWays(code: ErrorCode): boolean {
  return ABOUT_ONE_FILE.has(code);
}

/** Codes with which a request for a part may end at a source that gives the whole. */
const MET_WITH_RANGES: ReadonlySet<ErrorCode> = new Set([
  "HTTP_STATUS",
  "HTTP_FORBIDDEN",
  "HTTP_SERVER_ERROR",
  "HTTP_PROTOCOL",
  "REDIRECT_REFUSED",
  "ENCODING_REFUSED",
  "RANGE_INVALID",
  "LENGTH_MISMATCH",
  "HASH_MISMATCH",
]);

/** Filters are met that swallow requests for parts, or cut them off. */
const OF_THE_LINK: ReadonlySet<ErrorCode> = new Set([
  "CONNECTION_RESET",
  "TRUNCATED",
  "STALLED",
  "RESPONSE_TIMEOUT",
]);

/**
 * Whether a source that failed so at a request for a part, and gave nothing, is asked for the whole.
 *
 * @param hasGiven whether it gave bytes of that object before, so that it is most likely the link
 */
export function mayGiveWhole(code: ErrorCode, hasGiven: boolean): boolean {
  return MET_WITH_RANGES.has(code) || (!hasGiven && OF_THE_LINK.has(code));
}

/** Whether a source at which one kind failed with `code` is asked for the others: kinds are independent (docs/design.md §2). */
export function leavesOtherKinds(code: ErrorCode): boolean {
  return ABOUT_ONE_FILE.has(code) || ABOUT_ONE_KIND.has(code);
}

/** Whether no later step of the run asks a source that failed with `code`. */
export function endsSource(code: ErrorCode): boolean {
  return !ABOUT_ONE_FILE.has(code);
}

/** The error itself when the run can go on after it; else it is thrown on. */
export function stopOr(error: unknown): NearsourceError {
  const failure = toNearsourceError(error);
  if (DISPOSITIONS[failure.code] === "stop") throw failure;
  return failure;
}
