import { isIP } from "node:net";
import { type ErrorCode, NearsourceError } from "../errors.ts";
import type { RelayState } from "./relayState.ts";

/** The stage of a request that failed: before the response's headers, or after. */
export type Stage = "head" | "body";

const BY_SYSTEM_CODE: Record<string, ErrorCode> = {
  ECONNREFUSED: "CONNECTION_REFUSED",
  ECONNRESET: "CONNECTION_RESET",
  EPIPE: "CONNECTION_RESET",
  ECONNABORTED: "CONNECTION_RESET",
  EHOSTUNREACH: "HOST_UNREACHABLE",
  ENETUNREACH: "HOST_UNREACHABLE",
  EHOSTDOWN: "HOST_UNREACHABLE",
  ENETDOWN: "HOST_UNREACHABLE",
  EADDRNOTAVAIL: "HOST_UNREACHABLE",
  EACCES: "HOST_UNREACHABLE",
  ETIMEDOUT: "CONNECTION_TIMEOUT",
  EPROTO: "TLS_FAILED",
  ERR_PROXY_TUNNEL: "PROXY_FAILED",
  ERR_STREAM_PREMATURE_CLOSE: "CONNECTION_RESET",
  // got's word for a connection that closed before the announced length had come.
  ERR_HTTP_CONTENT_LENGTH_MISMATCH: "CONNECTION_RESET",
};

/** The phases of got's own time-outs. */
const BY_TIMEOUT: Record<string, ErrorCode> = {
  lookup: "DNS_TIMEOUT",
  connect: "CONNECTION_TIMEOUT",
  secureConnect: "CONNECTION_TIMEOUT",
  send: "RESPONSE_TIMEOUT",
  response: "RESPONSE_TIMEOUT",
};

const MESSAGES: Partial<Record<ErrorCode, string>> = {
  CONNECTION_REFUSED: "refused the connection",
  CONNECTION_RESET: "closed the connection before it answered",
  CONNECTION_TIMEOUT: "did not accept a connection in time",
  CONNECTION_FAILED: "could not be connected to",
  HOST_UNREACHABLE: "cannot be reached from here",
  DNS_TIMEOUT: "has a name that no DNS server resolved in time",
  RESPONSE_TIMEOUT: "accepted the connection and did not answer in time",
  TLS_CERTIFICATE: "has a certificate that is not valid for it",
  TLS_FAILED: "failed in the TLS handshake",
  HTTP_PROTOCOL: "answered with something that is not HTTP",
  PROXY_FAILED: "could not be reached through the proxy",
  TRUNCATED: "broke off in the middle of its answer",
};

/**
 * The failure of a request, as one of our codes. got wraps errors, and Node gathers those of several
 * addresses, so the whole tree of causes is searched for a known one.
 */
export function toHttpError(error: unknown, url: URL, stage: Stage): NearsourceError {
  const tree = causesOf(error);
  const own = tree.find((each) => each instanceof NearsourceError);
  if (own !== undefined) return own;
  const known = tree.map(codeOfOne).find((code) => code !== undefined) ?? "CONNECTION_FAILED";
  const brokeOff = stage === "body" && (known === "CONNECTION_RESET" || known === "CONNECTION_FAILED");
  const code = brokeOff ? "TRUNCATED" : known;
  return new NearsourceError(code, `${url.host} ${MESSAGES[code] ?? "failed"}`, { cause: innermost(tree) });
}

const STATE_MESSAGES: Record<RelayState["state"], string> = {
  filling: "is still fetching what it is asked for",
  full: "has all its places taken",
  room: "has too little disk to serve",
  late: "could not fetch what is newest, and answers for nothing older",
  unavailable: "cannot get what it is asked for",
};

/**
 * The error for a status that is no success.
 *
 * @param retryAfter the time (ms) that the source asks to be left alone
 * @param state the state that an Update Agent reports
 */
export function toStatusError(
  status: number,
  url: URL,
  retryAfter?: number,
  state?: RelayState,
): NearsourceError {
  const what = `${url.host} answered ${status} for ${url.pathname}`;
  if (status === 404 || status === 410) return new NearsourceError("HTTP_NOT_FOUND", what);
  if (status === 401 || status === 403 || status === 407) return new NearsourceError("HTTP_FORBIDDEN", what);
  if (status === 429 || status === 503) {
    if (state !== undefined)
      return new NearsourceError("SOURCE_BUSY", `${url.host} ${STATE_MESSAGES[state.state]}`);
    const pause = retryAfter === undefined ? "" : ` and asks to be left alone for ${retryAfter / 1_000} s`;
    return new NearsourceError("SOURCE_BUSY", `${url.host} is busy: it answered ${status}${pause}`);
  }
  return new NearsourceError(status >= 500 ? "HTTP_SERVER_ERROR" : "HTTP_STATUS", what);
}

interface SystemError extends Error {
  code?: unknown;
  event?: string;
  errors?: unknown[];
}

function codeOfOne(error: SystemError): ErrorCode | undefined {
  const code = typeof error.code === "string" ? error.code : "";
  if (error.event !== undefined && BY_TIMEOUT[error.event] !== undefined) return BY_TIMEOUT[error.event];
  if (BY_SYSTEM_CODE[code] !== undefined) return BY_SYSTEM_CODE[code];
  if (code.startsWith("HPE_") || code.startsWith("ERR_HTTP_")) return "HTTP_PROTOCOL";
  if (/^(CERT_|UNABLE_TO_|DEPTH_ZERO|SELF_SIGNED|ERR_TLS_CERT|INVALID_CA|HOSTNAME_MISMATCH)/.test(code)) {
    return "TLS_CERTIFICATE";
  }
  if (code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_")) return "TLS_FAILED";
  return code.startsWith("ERR_PROXY") ? "PROXY_FAILED" : undefined;
}

/** `error`, its causes and the errors it gathers, outermost first; cycles end the walk. */
function causesOf(error: unknown): SystemError[] {
  const found: SystemError[] = [];
  const visit = (each: unknown): void => {
    if (!(each instanceof Error) || found.includes(each)) return;
    found.push(each);
    for (const inner of (each as SystemError).errors ?? []) visit(inner);
    visit(each.cause);
  };
  visit(error);
  return found;
}

function innermost(tree: SystemError[]): SystemError | undefined {
  return tree.at(-1);
}

/** The name that a TLS server is asked for, which has no trailing dot (RFC 6066 §3); undefined for an address. */
export function serverNameOf(url: URL): string | undefined {
  const { host, isAddress } = hostOf(url);
  return isAddress ? undefined : host.replace(/\.$/, "");
}

/** The host of a URL as an address or name, without the brackets of an IPv6 literal. */
export function hostOf(url: URL): { host: string; isAddress: boolean } {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return { host, isAddress: isIP(host) !== 0 };
}
