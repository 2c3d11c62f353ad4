import type { IncomingHttpHeaders } from "node:http";
import type { RateLimit } from "../core/settings/rateLimit.ts";

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
  /** Times (ms) of its connection, as they were when that was made, and until the head came; none through a proxy. */
  timing?: ResponseTiming | undefined;
  /** The body in pieces, as the network brings them, under the stall limit and the minimum rate. */
  read(): AsyncGenerator<Buffer, void>;
  discard(): Promise<void>;
}

export interface ResponseTiming {
  /** Time that its name took to resolve; 0 where that was known. */
  dnsMs?: number | undefined;
  /** Time that the TCP handshake took: of the way there and back, whatever the source does. */
  connectMs?: number | undefined;
  /** Time from the request to the head of the answer. */
  firstByteMs?: number | undefined;
}

/** All HTTP of a run: one pool of connections, one resolver. */
export interface Fetcher {
  /**
   * One GET. Encodings are refused, since lengths and hashes are of the bytes as they are.
   *
   * @throws NearsourceError of the phases resolve, connect and request
   */
  get(url: string, options?: GetOptions): Promise<Response>;
  /** Limits all bodies together to this rate from now on. */
  limitRate(limit: RateLimit | undefined): void;
  close(): void;
}
