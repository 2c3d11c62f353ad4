import { once } from "node:events";
import type http from "node:http";
import type { LookupFunction } from "node:net";
import got, { type OptionsInit, type Request } from "got";
import type { Config } from "../config/configSchema.ts";
import { type RateLimit, rateAt } from "../core/settings/rateLimit.ts";
import { NearsourceError } from "../errors.ts";
import { VERSION } from "../version.ts";
import { drain, interrupted, readBody } from "./body.ts";
import { type AgentOptions, AgentPool, type Agents } from "./connect/agentPool.ts";
import { closeIdle } from "./connect/keptConnections.ts";
import { refuseSelf } from "./connect/ownService.ts";
import {
  checkLiteral,
  guardLookup,
  isRedirect,
  reachOf,
  redirectTarget,
  refusePrivate,
} from "./connect/redirect.ts";
import type { Fetcher, GetOptions, Response } from "./fetcher.ts";
import { serverNameOf, toHttpError, toStatusError } from "./httpErrors.ts";
import { createRateLimiter, type RateLimiter } from "./rateLimiter.ts";
import { parseRelayState, STATE_HEADER } from "./relayState.ts";
import { parseRetryAfter } from "./retryAfter.ts";
import type { PaceLimits } from "./stallGuard.ts";

/** Time limits of a source, and the ways to reach it. Times in milliseconds. */
export interface HttpOptions extends PaceLimits, AgentOptions {
  /** Limit for a TCP connection, and again for the TLS handshake. */
  connectTimeout: number;
  /** Limit from the request to the end of the response's headers. */
  responseTimeout: number;
  /** The address on which this machine serves agents: it is no source of its own. */
  listen?: Config["listen"] | undefined;
}

/** Longest time (ms) that is believed to have been measured. */
const LONGEST_TIME = 600_000;

/** A kept connection that stays silent so long (ms) may be one that something between has forgotten. */
const KEPT_SILENCE = 2_000;

export function createFetcher(options: HttpOptions, lookup: LookupFunction): Fetcher {
  let limit: RateLimit | undefined;
  const limiter = createRateLimiter(() => rateAt(limit, new Date()));
  const pool = new AgentPool(options);
  const get = async (start: string, request: GetOptions = {}): Promise<Response> => {
    let url = new URL(start);
    let reach: number | undefined;
    for (let hop = 0; ; hop++) {
      const agent = pool.of(url, request.viaProxy === true);
      const refusals = [
        ...(reach === undefined ? [] : [refusePrivate(reach)]),
        ...(agent === pool.direct ? refuseSelf(url, options.listen) : []),
      ];
      checkLiteral(url, refusals);
      const isDirect = agent === pool.direct;
      const means = { options, agent, isDirect, limiter, lookup: guardLookup(lookup, refusals) };
      const response = await requestOnce(url, request, means);
      if (!isRedirect(response.status)) return await checked(response, request);
      await response.discard();
      const next = redirectTarget(response, request.redirects === true, hop);
      reach ??= reachOf(response.address);
      url = next;
    }
  };
  const limitRate = (wanted: RateLimit | undefined) => {
    limit = wanted;
  };
  return { get, limitRate, close: () => pool.close() };
}

/** The same fetcher, with headers of its own in every request. */
export function withHeaders(fetcher: Fetcher, headers: Record<string, string>): Fetcher {
  return {
    ...fetcher,
    get: (url, options) => fetcher.get(url, { ...options, headers: { ...headers, ...options?.headers } }),
  };
}

interface Means {
  options: HttpOptions;
  agent: Agents;
  /** Connections of it lead to the source itself, and to no proxy. */
  isDirect: boolean;
  limiter: RateLimiter;
  lookup: LookupFunction;
}

/** @param afresh whether a kept connection was silent just before, so that this may take its whole time */
async function requestOnce(url: URL, request: GetOptions, means: Means, afresh = false): Promise<Response> {
  const { connectTimeout, responseTimeout } = means.options;
  const stream = got.stream(url, {
    headers: { "user-agent": `nearsource/${VERSION}`, ...request.headers, "accept-encoding": "identity" },
    decompress: false,
    followRedirect: false,
    throwHttpErrors: false,
    retry: { limit: 0 },
    timeout: { connect: connectTimeout, secureConnect: connectTimeout, response: responseTimeout },
    agent: means.agent,
    https: { serverName: serverNameOf(url) },
    dnsLookup: means.lookup as NonNullable<OptionsInit["dnsLookup"]>,
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  });
  // An error may come when nobody listens, between the headers and the first read; read() reports it.
  stream.on("error", () => {});
  const silence = afresh ? undefined : watchKept(stream, Math.min(KEPT_SILENCE, responseTimeout / 2));
  try {
    await once(stream, "response");
  } catch (error) {
    const failure = interrupted(request.signal) ?? toHttpError(error, url, "head");
    if (failure.code === "INTERRUPTED") throw failure;
    // A kept connection may have been closed meanwhile (RFC 9112 §9.3.1), which a fresh one is not.
    if (failure.code === "CONNECTION_RESET" && stream.reusedSocket)
      return await requestOnce(url, request, means, afresh);
    if (silence?.met !== true) throw failure;
    // A firewall that forgot this connection has forgotten the others too.
    closeIdle(means.agent[url.protocol === "https:" ? "https" : "http"]);
    return await requestOnce(url, request, means, true);
  } finally {
    silence?.stop();
  }
  return toResponse(stream, url, request, means);
}

/** Ends a request on a kept connection that stays silent for `limit` ms; then it is `met`. */
function watchKept(stream: Request, limit: number): { met: boolean; stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  const silence = { met: false, stop: () => clearTimeout(timer) };
  stream.once("request", (request: http.ClientRequest) => {
    if (!request.reusedSocket) return;
    let before = 0;
    request.once("socket", ({ bytesRead }) => {
      before = bytesRead;
    });
    timer = setTimeout(() => {
      // Interim answers, and a head that comes in drops, are no silence.
      if (request.socket !== null && request.socket.bytesRead > before) return;
      silence.met = true;
      stream.destroy(new Error("a kept connection is silent"));
    }, limit);
  });
  return silence;
}

function toResponse(
  stream: Request,
  url: URL,
  request: GetOptions,
  { options, isDirect, limiter }: Pick<Means, "options" | "isDirect" | "limiter">,
): Response {
  const { statusCode, headers, ip } = stream.response as NonNullable<Request["response"]>;
  return {
    status: statusCode,
    headers,
    url,
    address: ip,
    timing: isDirect ? timingOf(stream) : undefined,
    read: () => readBody(stream, url, request.signal, options, limiter),
    discard: () => drain(stream, url),
  };
}

/** The clock may have been set meanwhile: what is no time, or longer than any limit, was not measured. */
function timingOf({ response }: Request): Response["timing"] {
  const { dns, tcp, firstByte } = response?.timings?.phases ?? {};
  const known = (time: number | undefined) =>
    time !== undefined && time >= 0 && time <= LONGEST_TIME ? time : undefined;
  // With several addresses the time of those that did not answer is in it.
  const { autoSelectFamilyAttemptedAddresses: tried = [] } = response?.socket ?? {};
  const connectMs = tried.length > 1 ? undefined : known(tcp);
  return { dnsMs: known(dns), connectMs, firstByteMs: known(firstByte) };
}

/**
 * Refuses responses that no request here asks for: another status, an encoding. The connection is kept
 * usable.
 */
async function checked(response: Response, request: GetOptions): Promise<Response> {
  const { status, headers, url } = response;
  const accept = request.accept ?? [200];
  if (!accept.includes(status)) {
    await response.discard();
    const retryAfter = parseRetryAfter(headers["retry-after"], Date.now());
    throw toStatusError(status, url, retryAfter, parseRelayState(headers[STATE_HEADER]));
  }
  const encoding = headers["content-encoding"] ?? "";
  if (!isIdentity(encoding)) {
    await response.discard();
    throw new NearsourceError(
      "ENCODING_REFUSED",
      `${url.host} encoded ${url.pathname} as "${encoding.slice(0, 40)}", which was not asked for`,
    );
  }
  return response;
}

/**
 * An empty header and any list of `identity` are no encoding, though no server should send them (RFC 9110
 * §8.4.1).
 */
function isIdentity(encoding: string): boolean {
  return encoding.split(",").every((each) => /^(identity)?$/i.test(each.trim()));
}
