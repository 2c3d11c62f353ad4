import type { Repository } from "../core/content/layout.ts";
import { type ErrorCode, NearsourceError } from "../errors.ts";

/** tuf-js's error classes, by name: its models do not export theirs. */
const BY_CLASS: Record<string, ErrorCode> = {
  ExpiredMetadataError: "METADATA_EXPIRED",
  BadVersionError: "METADATA_OLDER",
  EqualVersionError: "METADATA_OLDER",
  UnsignedMetadataError: "SIGNATURE_INVALID",
  LengthOrHashMismatchError: "METADATA_MISMATCH",
  DownloadHTTPError: "HTTP_NOT_FOUND",
};

const MESSAGES: Partial<Record<ErrorCode, string>> = {
  METADATA_EXPIRED: "offers metadata that has expired by this machine's clock",
  METADATA_OLDER: "offers older metadata than is already trusted",
  SIGNATURE_INVALID: "offers metadata that is not signed by the trusted keys",
  METADATA_MISMATCH: "offers metadata that is not what was signed",
  METADATA_MALFORMED: "offers metadata that cannot be read",
};

const HINTS: Partial<Record<ErrorCode, string>> = {
  METADATA_EXPIRED:
    "if every source says so, check this machine's clock, then whether the publisher still signs",
  SIGNATURE_INVALID: "the source was altered, or belongs to another publisher",
};

/** An error of the verifier or the transport, as one of our codes. */
export function toMetadataError(error: unknown, repository: Repository, url: string): NearsourceError {
  if (error instanceof NearsourceError) return error;
  const name = error instanceof Error ? error.constructor.name : "";
  const code = BY_CLASS[name] ?? "METADATA_MALFORMED";
  const host = new URL(url).host;
  const hint = HINTS[code];
  return new NearsourceError(code, `${host} ${MESSAGES[code] ?? "lacks metadata"} (${repository})`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}
