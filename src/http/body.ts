import type { Request } from "got";
import { NearsourceError } from "../errors.ts";
import type { Response } from "./fetcher.ts";
import { toHttpError } from "./httpErrors.ts";
import type { RateLimiter } from "./rateLimiter.ts";
import { countSpent } from "./spentBuffers.ts";
import { type PaceLimits, watchPace } from "./stallGuard.ts";

/** A body nobody wants is read this far (bytes) so that its connection can serve again, if it comes at once. */
const DRAIN_LIMIT = 65_536;
/** The pace it must come at: pauses (ms) no longer than this, and so many bytes a second. */
const DRAIN_PACE = { stallTimeout: 500, minRate: DRAIN_LIMIT };

/** Reads a body that nobody wants, if it comes at once, so that its connection can serve again. */
export async function drain(stream: Request, url: URL): Promise<void> {
  const announced = Number(stream.response?.headers["content-length"] ?? 0);
  if (!(announced <= DRAIN_LIMIT)) {
    stream.destroy();
    return;
  }
  let length = 0;
  try {
    for await (const piece of readBody(stream, url, undefined, DRAIN_PACE)) {
      length += piece.length;
      if (length > DRAIN_LIMIT) break;
    }
  } catch {
    // The body is not wanted, so its errors do not matter.
  }
}

/**
 * The body, piece by piece. Only time spent waiting for the source counts against it, not time the
 * caller takes to write.
 */
export async function* readBody(
  stream: Request,
  url: URL,
  signal: AbortSignal | undefined,
  options: PaceLimits,
  limiter?: RateLimiter,
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
      await limiter?.take(value.length, signal);
      yield value;
      countSpent(value.length);
    }
  } catch (error) {
    throw interrupted(signal) ?? failure ?? toHttpError(error, url, "body");
  } finally {
    pace.stop();
    if (!stream.readableEnded) stream.destroy();
  }
  if (failure !== undefined) throw failure;
}

/** An abort is the caller's doing, in the form of any error. */
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
