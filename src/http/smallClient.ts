import { once } from "node:events";
import http, { type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import type https from "node:https";
import type { LookupFunction } from "node:net";
import { NearsourceError } from "../errors.ts";
import { VERSION } from "../version.ts";
import { forgetIdle } from "./connect/keptConnections.ts";
import { serverNameOf, toHttpError } from "./httpErrors.ts";

/** A request of a few kilobytes and its answer. */
export interface Request {
  method: "GET" | "PUT" | "POST";
  url: string;
  /** JSON text. */
  body?: string | undefined;
  /** Further fields of the header. */
  headers?: Readonly<Record<string, string>>;
  /** A secret that proves who asks (RFC 6750). */
  bearer?: string | undefined;
  /** Longest time (ms) of the whole exchange. */
  timeout: number;
  /** The longest answer (bytes) that is read. */
  limit: number;
  signal: AbortSignal;
}

/** An answer of any status. */
export interface Reply {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

/** Requests to the server by a process that stays. */
export interface Exchange {
  /** @throws NearsourceError of the phases resolve, connect, request and transfer */
  send(request: Request): Promise<Reply>;
  close(): void;
}

/**
 * Small requests over node:http alone. `http/client.ts`, which fetches updates, can do far more, at the price
 * of 25 MB that a process that stays on every endpoint would hold for ever.
 *
 * @param options.ca PEM text of an authority to believe beside the system's
 * @param options.anyone whoever answers over TLS is spoken to: for what is signed, and no secret
 */
export function createExchange(
  lookup: LookupFunction,
  { ca, anyone = false }: { ca?: string | undefined; anyone?: boolean } = {},
): Exchange {
  const agents = new Map<string, Means>();
  const meansFor = async (protocol: string) => {
    // TLS is loaded only where it is used: it is another 3 MB.
    const { request, Agent } = protocol === "https:" ? await import("node:https") : http;
    const believed =
      protocol !== "https:" ? {} : { ...(ca && { ca: await withSystem(ca) }), rejectUnauthorized: !anyone };
    const means = agents.get(protocol) ?? {
      request,
      agent: forgetIdle(new Agent({ keepAlive: true, ...believed })),
    };
    agents.set(protocol, means);
    return means;
  };
  return {
    send: async (request) => await send(request, lookup, await meansFor(new URL(request.url).protocol)),
    close: () => {
      for (const { agent } of agents.values()) agent.destroy();
    },
  };
}

async function withSystem(ca: string): Promise<string[]> {
  const { getCACertificates } = await import("node:tls");
  return [...getCACertificates("default"), ca];
}

interface Means {
  request: typeof https.request;
  agent: http.Agent;
}

async function send(request: Request, lookup: LookupFunction, means: Means): Promise<Reply> {
  const url = new URL(request.url);
  const outgoing = means.request(url, {
    method: request.method,
    agent: means.agent,
    lookup,
    servername: serverNameOf(url),
    headers: {
      "user-agent": `nearsource/${VERSION}`,
      accept: "application/json",
      ...(request.bearer === undefined ? {} : { authorization: `Bearer ${request.bearer}` }),
      ...(request.body === undefined ? {} : { "content-type": "application/json" }),
      ...request.headers,
    },
  });
  // An error may come when nobody listens, between the headers and the body; reading that reports it.
  outgoing.on("error", () => {});
  const late = new NearsourceError(
    "RESPONSE_TIMEOUT",
    `${url.host} did not answer within ${request.timeout / 1_000} s`,
  );
  const timer = setTimeout(() => outgoing.destroy(late), request.timeout);
  const abort = () => outgoing.destroy(new NearsourceError("INTERRUPTED", "the request was given up"));
  request.signal.addEventListener("abort", abort);
  let answered = false;
  try {
    if (request.signal.aborted) abort();
    outgoing.end(request.body);
    const [response] = (await once(outgoing, "response")) as [IncomingMessage];
    answered = true;
    const { statusCode: status = 0, headers } = response;
    return { status, headers, text: await readText(response, request.limit, url) };
  } catch (error) {
    // A kept connection may have been closed meanwhile (RFC 9112 §9.3.1), which a fresh one is not.
    const failure = toHttpError(error, url, answered ? "body" : "head");
    if (failure.code === "CONNECTION_RESET" && outgoing.reusedSocket)
      return await send(request, lookup, means);
    throw outgoing.errored instanceof NearsourceError ? outgoing.errored : failure;
  } finally {
    clearTimeout(timer);
    request.signal.removeEventListener("abort", abort);
  }
}

async function readText(response: IncomingMessage, limit: number, url: URL): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > limit) {
      response.destroy();
      throw new NearsourceError("LENGTH_MISMATCH", `${url.host} answered with more than ${limit} bytes`);
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}
