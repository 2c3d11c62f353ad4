import { once } from "node:events";
import http, { type IncomingHttpHeaders } from "node:http";
import https from "node:https";
import type { LookupFunction } from "node:net";
import got, { type OptionsInit, type Request } from "got";
import { parseRetryAfter } from "../core/backoff.ts";
import { NearsourceError } from "../errors.ts";
import { VERSION } from "../version.ts";
import { toHttpError, toStatusError } from "./httpErrors.ts";
import { type PaceLimits, watchPace } from "./pace.ts";
import { checkLiteral, isRedirect, limitReach, reachOf, redirectTarget } from "./redirect.ts";

/** How long a source may take, and how it is reached. Times in milliseconds. */
export interface HttpOptions extends PaceLimits {
  /** For a TCP connection, and again for the TLS handshake. */
  connectTimeout: number;
  /** From the request to the end of the response's headers. */
  responseTimeout: number;
  /** Proxy variables in the form of the environment's (`http_proxy`, …), for sources on the internet. */
  proxyEnv?: NodeJS.ProcessEnv | undefined;
}

/** A dead first address of several may cost this much before the next is tried. */
const ADDRESS_TIMEOUT = 1_000;
/** A body nobody wants is read this far (bytes) so that its connection can serve again, if it comes at once. */
const DRAIN_LIMIT = 65_536;
/** What it must come with: pauses (ms) no longer than this, and so many bytes a second. */
const DRAIN_PACE = { stallTimeout: 500, minRate: DRAIN_LIMIT };

export interface GetOptions {
  headers?: Record<string, string>;
  /** Statuses to hand to the caller; any other becomes an error. Default: 200. */
  accept?: readonly number[];
  /** Follow redirects: for objects, which are known by their hash. Never for metadata. */
  redirects?: boolean;
  /** Through the configured proxy, for a source on the internet. */
  viaProxy?: boolean;
  signal?: AbortSignal | undefined;
}

/** A response whose headers have come. Its body must be read with `read`, or thrown away with `discard`. */
export interface Response {
  status: number;
  headers: IncomingHttpHeaders;
  url: URL;
  /** The address that answered. */
  address: string | undefined;
  /** The body in pieces, as the network brings them, under the stall limit and the minimum rate. */
  read(): AsyncGenerator<Buffer, void>;
  discard(): Promise<void>;
}

/** All HTTP of a run: one pool of connections, one resolver. */
export interface Fetcher {
  /**
   * One GET. Encodings are refused, since lengths and hashes are of the bytes as they are.
   *
   * @throws NearsourceError of the phases resolve, connect and request
   */
  get(url: string, options?: GetOptions): Promise<Response>;
  close(): void;
}

export function createFetcher(options: HttpOptions, lookup: LookupFunction): Fetcher {
  const direct = makeAgents(undefined);
  const proxied = options.proxyEnv === undefined ? direct : makeAgents(options.proxyEnv);
  const get = async (start: string, request: GetOptions = {}): Promise<Response> => {
    let url = new URL(start);
    let reach: number | undefined;
    for (let hop = 0; ; hop++) {
      const agent = request.viaProxy === true ? proxied : direct;
      const response = await requestOnce(url, request, { options, agent, lookup: limitReach(lookup, reach) });
      if (!isRedirect(response.status)) return await checked(response, request);
      await response.discard();
      const next = redirectTarget(response, request.redirects === true, hop);
      reach ??= reachOf(response.address);
      checkLiteral(next, reach);
      url = next;
    }
  };
  const close = () => {
    for (const agent of [direct.http, direct.https, proxied.http, proxied.https]) agent.destroy();
  };
  return { get, close };
}

interface Agents {
  http: http.Agent;
  https: https.Agent;
}

function makeAgents(proxyEnv: NodeJS.ProcessEnv | undefined): Agents {
  const settings = {
    keepAlive: true,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: ADDRESS_TIMEOUT,
    ...(proxyEnv === undefined ? {} : { proxyEnv }),
  };
  return { http: new http.Agent(settings), https: new https.Agent(settings) };
}

interface Means {
  options: HttpOptions;
  agent: Agents;
  lookup: LookupFunction;
}

async function requestOnce(url: URL, request: GetOptions, means: Means): Promise<Response> {
  const { connectTimeout, responseTimeout } = means.options;
  const stream = got.stream(url, {
    headers: { "user-agent": `nearsource/${VERSION}`, ...request.headers, "accept-encoding": "identity" },
    decompress: false,
    followRedirect: false,
    throwHttpErrors: false,
    retry: { limit: 0 },
    timeout: { connect: connectTimeout, secureConnect: connectTimeout, response: responseTimeout },
    agent: means.agent,
    dnsLookup: means.lookup as NonNullable<OptionsInit["dnsLookup"]>,
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  });
  // An error may come when nobody listens, between the headers and the first read; read() reports it.
  stream.on("error", () => {});
  try {
    await once(stream, "response");
  } catch (error) {
    const failure = interrupted(request.signal) ?? toHttpError(error, url, "head");
    // A kept connection may have been closed meanwhile (RFC 9112 §9.3.1), which a fresh one is not.
    if (failure.code !== "CONNECTION_RESET" || !stream.reusedSocket) throw failure;
    return await requestOnce(url, request, means);
  }
  return toResponse(stream, url, request, means.options);
}

function toResponse(stream: Request, url: URL, request: GetOptions, options: HttpOptions): Response {
  const { statusCode, headers, ip } = stream.response as NonNullable<Request["response"]>;
  return {
    status: statusCode,
    headers,
    url,
    address: ip,
    read: () => readBody(stream, url, request.signal, options),
    discard: () => drain(stream, url, { ...options, ...DRAIN_PACE }),
  };
}

async function drain(stream: Request, url: URL, options: HttpOptions): Promise<void> {
  const announced = Number(stream.response?.headers["content-length"] ?? 0);
  if (!(announced <= DRAIN_LIMIT)) {
    stream.destroy();
    return;
  }
  let length = 0;
  try {
    for await (const piece of readBody(stream, url, undefined, options)) {
      length += piece.length;
      if (length > DRAIN_LIMIT) break;
    }
  } catch {
    // The body is not wanted, so neither is what is wrong with it.
  }
}

/** Refuses what no request here asks for: another status, an encoding. The connection is kept usable. */
async function checked(response: Response, request: GetOptions): Promise<Response> {
  const { status, headers, url } = response;
  const accept = request.accept ?? [200];
  if (!accept.includes(status)) {
    await response.discard();
    throw toStatusError(status, url, parseRetryAfter(headers["retry-after"], Date.now()));
  }
  const encoding = headers["content-encoding"];
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    await response.discard();
    throw new NearsourceError(
      "ENCODING_REFUSED",
      `${url.host} encoded ${url.pathname} as "${encoding.slice(0, 40)}", which was not asked for`,
    );
  }
  return response;
}

/**
 * The body, piece by piece. Only time spent waiting for the source counts against it, not time the
 * caller takes to write.
 */
async function* readBody(
  stream: Request,
  url: URL,
  signal: AbortSignal | undefined,
  options: HttpOptions,
): AsyncGenerator<Buffer, void> {
  let failure: NearsourceError | undefined;
  const fail = (error: NearsourceError) => {
    failure = error;
    stream.destroy();
  };
  const pace = watchPace(url, options, fail);
  const pieces = (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  try {
    for (;;) {
      pace.wait();
      const { done, value } = await pieces.next();
      pace.got(value?.length ?? 0);
      if (done === true) break;
      yield value;
    }
  } catch (error) {
    throw interrupted(signal) ?? failure ?? toHttpError(error, url, "body");
  } finally {
    pace.stop();
    if (!stream.readableEnded) stream.destroy();
  }
  if (failure !== undefined) throw failure;
}

/** An abort is the caller's doing, whatever error it comes out as. */
export function interrupted(signal: AbortSignal | undefined): NearsourceError | undefined {
  if (signal?.aborted !== true) return undefined;
  if (signal.reason instanceof NearsourceError) return signal.reason;
  return new NearsourceError("INTERRUPTED", "interrupted", { cause: signal.reason });
}

/**
 * The whole body, for small files only.
 *
 * @param maxLength bytes; one more is METADATA_TOO_LARGE, announced or not
 */
export async function readWhole(response: Response, maxLength: number): Promise<Buffer> {
  const { url, headers } = response;
  const tooLarge = () =>
    new NearsourceError(
      "METADATA_TOO_LARGE",
      `${url.host} sends more than ${maxLength} bytes for ${url.pathname}`,
    );
  if (Number(headers["content-length"] ?? 0) > maxLength) {
    await response.discard();
    throw tooLarge();
  }
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of response.read()) {
    length += piece.length;
    if (length > maxLength) throw tooLarge();
    pieces.push(piece);
  }
  return Buffer.concat(pieces, length);
}
