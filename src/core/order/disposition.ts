import { type ErrorCode, type NearsourceError, toNearsourceError } from "../../errors.ts";

/** The effect of an error on a run. */
export interface Disposition {
  /**
   * Try the same source once more and then the next, go on to the next at once, or stop. Only an error that
   * no other source can mend stops a run (docs/design.md §2).
   */
  action: "retry here" | "next source" | "stop";
  /**
   * The scope that the error ends.
   * - `way`: this way to the file. The source is asked for another, and for anything else.
   * - `kind`: the kind, at this source. It is asked for the others, since kinds are independent
   *   (docs/design.md §2), and by no later step.
   * - `source`: it is asked for nothing more in this run.
   * - `run`: all of it.
   */
  ends: "way" | "kind" | "source" | "run";
  /**
   * The source lied rather than failed: it offered something other than the signed content. The run goes on,
   * and says so at error level even when it succeeds.
   */
  lie?: true;
  /** The source answered, but does not have the requested object. */
  absent?: true;
  /**
   * Whether a source that failed a request for a part in this way, and gave nothing, is asked for the whole:
   * some filters refuse such requests, swallow them or cut them off. After bytes of that object, silence or a
   * break is most likely the fault of the link.
   */
  whole?: "asked" | "asked if nothing came";
}

/** The one table. A code without a row does not compile. */
export const DISPOSITIONS: Record<ErrorCode, Disposition> = {
  // A fresh connection or a moment's wait often mends these; once, and then the next source.
  CONNECTION_RESET: { action: "retry here", ends: "source", whole: "asked if nothing came" },
  HTTP_SERVER_ERROR: { action: "retry here", ends: "kind", whole: "asked" },
  TRUNCATED: { action: "retry here", ends: "source", whole: "asked if nothing came" },

  // This source is of no use to this run.
  DNS_NOT_FOUND: { action: "next source", ends: "source" },
  DNS_NO_ADDRESS: { action: "next source", ends: "source" },
  DNS_SERVER_FAILURE: { action: "next source", ends: "source" },
  DNS_TIMEOUT: { action: "next source", ends: "source" },
  DNS_MALFORMED: { action: "next source", ends: "source" },
  CONNECTION_REFUSED: { action: "next source", ends: "source" },
  CONNECTION_TIMEOUT: { action: "next source", ends: "source" },
  HOST_UNREACHABLE: { action: "next source", ends: "source" },
  CONNECTION_FAILED: { action: "next source", ends: "source" },
  ADDRESS_REFUSED: { action: "next source", ends: "source" },
  SOURCE_IS_SELF: { action: "next source", ends: "source" },
  TLS_CERTIFICATE: { action: "next source", ends: "source" },
  TLS_FAILED: { action: "next source", ends: "source" },
  PROXY_FAILED: { action: "next source", ends: "source" },
  RESPONSE_TIMEOUT: { action: "next source", ends: "source", whole: "asked if nothing came" },
  HTTP_PROTOCOL: { action: "next source", ends: "source", whole: "asked" },
  HTTP_STATUS: { action: "next source", ends: "way", whole: "asked" },
  HTTP_FORBIDDEN: { action: "next source", ends: "way", whole: "asked", absent: true },
  HTTP_NOT_FOUND: { action: "next source", ends: "way", absent: true },
  SOURCE_BUSY: { action: "next source", ends: "source" },
  REDIRECT_REFUSED: { action: "next source", ends: "kind", whole: "asked" },
  ENCODING_REFUSED: { action: "next source", ends: "kind", whole: "asked" },
  RANGE_INVALID: { action: "next source", ends: "kind", whole: "asked" },
  STALLED: { action: "next source", ends: "source", whole: "asked if nothing came" },
  TOO_SLOW: { action: "next source", ends: "source" },
  LENGTH_MISMATCH: { action: "next source", ends: "kind", whole: "asked" },
  HASH_MISMATCH: { action: "next source", ends: "kind", lie: true, whole: "asked" },
  METADATA_TOO_LARGE: { action: "next source", ends: "kind" },
  METADATA_MALFORMED: { action: "next source", ends: "kind" },
  METADATA_MISMATCH: { action: "next source", ends: "kind", lie: true },
  METADATA_OLDER: { action: "next source", ends: "way" },
  METADATA_EXPIRED: { action: "next source", ends: "way" },
  SIGNATURE_INVALID: { action: "next source", ends: "kind", lie: true },
  MANIFEST_INVALID: { action: "next source", ends: "way" },
  RELEASE_UNAVAILABLE: { action: "next source", ends: "way" },
  NOT_OFFERED: { action: "next source", ends: "way", absent: true },
  DELTA_FAILED: { action: "next source", ends: "way" },
  // A source can deliver a list or policy that does not parse; another may have a newer one.
  SOURCE_LIST_INVALID: { action: "next source", ends: "way" },
  POLICY_INVALID: { action: "next source", ends: "way" },
  SETTINGS_INVALID: { action: "next source", ends: "way" },

  // No other source mends these.
  USAGE: { action: "stop", ends: "run" },
  CONFIG_INVALID: { action: "stop", ends: "run" },
  CONFIG_NOT_FOUND: { action: "stop", ends: "run" },
  FILE_UNSAFE: { action: "stop", ends: "run" },
  TLS_CHECKS_DISABLED: { action: "stop", ends: "run" },
  TRUST_ROOT_INVALID: { action: "stop", ends: "run" },
  CLOCK_BEHIND: { action: "stop", ends: "run" },
  LOCKED: { action: "stop", ends: "run" },
  DISK_FULL: { action: "stop", ends: "run" },
  STORAGE_UNWRITABLE: { action: "stop", ends: "run" },
  STORAGE_UNSAFE: { action: "stop", ends: "run" },
  STORAGE_FAILED: { action: "stop", ends: "run" },
  STORE_DAMAGED: { action: "stop", ends: "run" },
  GENERATION_NOT_FOUND: { action: "stop", ends: "run" },
  HOOK_FAILED: { action: "stop", ends: "run" },
  REPOSITORY_EXISTS: { action: "stop", ends: "run" },
  REPOSITORY_INVALID: { action: "stop", ends: "run" },
  REPOSITORY_INPUT_INVALID: { action: "stop", ends: "run" },
  KEY_INVALID: { action: "stop", ends: "run" },
  THRESHOLD_NOT_MET: { action: "stop", ends: "run" },
  SERVER_EXISTS: { action: "stop", ends: "run" },
  DATABASE_NEWER: { action: "stop", ends: "run" },
  SERVER_REFUSED: { action: "stop", ends: "run" },
  INTERRUPTED: { action: "stop", ends: "run" },
  UNEXPECTED: { action: "stop", ends: "run" },
};

/** Whether `code` shows that the source offered something other than the signed content. */
export function isLie(code: ErrorCode): boolean {
  return DISPOSITIONS[code].lie === true;
}

/** Whether a failure, by a code that may be of a newer program, was that bytes came which had to be thrown away. */
export function isRejection(code: string): boolean {
  return code === "LENGTH_MISMATCH" || (Object.hasOwn(DISPOSITIONS, code) && isLie(code as ErrorCode));
}

/** Whether `code` says that the source answered, but does not have the requested object. */
export function isAbsent(code: ErrorCode): boolean {
  return DISPOSITIONS[code].absent === true;
}

/** Whether a source at which one way to a file failed with `code` is asked for another way to it. */
export function leavesOtherWays(code: ErrorCode): boolean {
  return DISPOSITIONS[code].ends === "way";
}

/** Whether a source at which one kind failed with `code` is asked for the others. */
export function leavesOtherKinds(code: ErrorCode): boolean {
  const { ends } = DISPOSITIONS[code];
  return ends === "way" || ends === "kind";
}

/** Whether no later step of the run asks a source that failed with `code`. */
export function endsSource(code: ErrorCode): boolean {
  return DISPOSITIONS[code].ends !== "way";
}

/**
 * Whether a source that failed so at a request for a part, and gave nothing, is asked for the whole.
 *
 * @param hasGiven whether it gave bytes of that object before
 */
export function mayGiveWhole(code: ErrorCode, hasGiven: boolean): boolean {
  const { whole } = DISPOSITIONS[code];
  return whole === "asked" || (whole === "asked if nothing came" && !hasGiven);
}

/** The error itself when the run can go on after it; else it is thrown on. */
export function stopOr(error: unknown): NearsourceError {
  const failure = toNearsourceError(error);
  if (DISPOSITIONS[failure.code].action === "stop") throw failure;
  return failure;
}
