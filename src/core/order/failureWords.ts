import type { ErrorCode } from "../../errors.ts";

/** Failures of a source after which a run goes on to the next, each as what is said of that source. */
export const FAILURE_WORDS = {
  DNS_NOT_FOUND: "has no address in DNS",
  DNS_NO_ADDRESS: "has no address in DNS",
  DNS_SERVER_FAILURE: "could not be looked up, since the DNS server failed",
  DNS_TIMEOUT: "could not be looked up, since no DNS server answered",
  DNS_MALFORMED: "could not be looked up, since the DNS server answered nonsense",
  CONNECTION_REFUSED: "refused connections",
  CONNECTION_TIMEOUT: "did not answer",
  CONNECTION_RESET: "broke connections off",
  CONNECTION_FAILED: "could not be connected to",
  HOST_UNREACHABLE: "could not be reached through the network",
  ADDRESS_REFUSED: "has an address that is not allowed for it",
  SOURCE_IS_SELF: "is this agent itself",
  TLS_CERTIFICATE: "showed a certificate that is not trusted",
  TLS_FAILED: "could not be spoken to by TLS",
  PROXY_FAILED: "was not reached through the proxy",
  RESPONSE_TIMEOUT: "did not answer",
  HTTP_PROTOCOL: "answered what is no HTTP",
  HTTP_STATUS: "answered with an unexpected status",
  HTTP_FORBIDDEN: "refused to give what was needed",
  HTTP_NOT_FOUND: "did not have what was needed",
  HTTP_SERVER_ERROR: "failed to answer",
  SOURCE_BUSY: "was busy",
  REDIRECT_REFUSED: "sent it to where it may not go",
  ENCODING_REFUSED: "sent an encoding that was not asked for",
  RANGE_INVALID: "sent another part than was asked for",
  STALLED: "stopped sending",
  TOO_SLOW: "was too slow",
  TRUNCATED: "broke off before the end",
  LENGTH_MISMATCH: "sent more or fewer bytes than the signed ones",
  HASH_MISMATCH: "sent other bytes than the signed ones",
  METADATA_TOO_LARGE: "sent metadata that are too long",
  METADATA_MALFORMED: "sent metadata that cannot be read",
  METADATA_MISMATCH: "sent metadata other than the signed ones",
  METADATA_OLDER: "offered an older publication",
  METADATA_EXPIRED: "offered an expired publication",
  SIGNATURE_INVALID: "offered what is not signed by the trusted keys",
  MANIFEST_INVALID: "offered a component whose description is wrong",
  RELEASE_UNAVAILABLE: "did not have the release that is wanted",
  NOT_OFFERED: "does not offer what was needed",
  DELTA_FAILED: "gave a delta that did not work",
  SOURCE_LIST_INVALID: "gave a source list that is invalid",
  POLICY_INVALID: "gave a policy that is invalid",
  SETTINGS_INVALID: "gave settings that are invalid",
} as const satisfies Partial<Record<ErrorCode, string>>;

export type FailureCode = keyof typeof FAILURE_WORDS;

/** Words for a source that failed so; a code of a newer program as it is. */
export function failureInWords(code = "UNEXPECTED"): string {
  return Object.hasOwn(FAILURE_WORDS, code) ? FAILURE_WORDS[code as FailureCode] : `failed (${code})`;
}
