import { NearsourceError } from "../errors.ts";
import type { Fetcher, GetOptions, Response } from "./fetch.ts";
import { type DataDir, guardStorage } from "./files.ts";
import {
  append,
  isWhole,
  type ObjectName,
  openPartial,
  type PartialFile,
  partialPath,
  rewind,
  startOver,
} from "./partial.ts";
import { adopt } from "./store.ts";

export interface DownloadOptions extends Pick<GetOptions, "viaProxy" | "signal"> {
  /** Called with the bytes held so far, of the object's length. */
  onProgress?: ((received: number) => void) | undefined;
  /** Called with the length of each piece that comes over the network, whatever becomes of it. */
  onReceived?: ((length: number) => void) | undefined;
  /** Called with how much of the object, from its beginning, is on disk and known to be the signed bytes. */
  onProven?: ((length: number) => void) | undefined;
}

export interface Downloaded {
  /** Body bytes that came over the network. */
  bytes: number;
  /** Where the transfer began; above 0 when an earlier one was continued. */
  resumedAt: number;
  address: string | undefined;
}

/** Pieces are gathered to this size before they are written, in one call each. */
const WRITE_SIZE = 1 << 18;
/** What is gathered is written at least this often (ms), so that a kill loses little. */
const WRITE_INTERVAL = 250;

/**
 * Fetches one object into the store, continuing what any earlier source or run left of it. Nothing is
 * believed: a partial file is hashed again before it is continued, blocks are checked as they complete
 * (so that a liar wastes one block), and the whole must have the signed length and SHA-256.
 *
 * Where what an earlier source left turns out wrong, this one gets one restart from the last proven
 * byte: only what a source sent itself is held against it.
 *
 * @throws NearsourceError of the phases resolve to transfer, and storage
 */
export async function downloadObject(
  dirs: DataDir,
  fetcher: Fetcher,
  url: string,
  object: ObjectName,
  options: DownloadOptions = {},
): Promise<Downloaded> {
  const { file, ...transferred } = await fetchObject(dirs, fetcher, url, object, options);
  await adopt(dirs, file, object.sha256);
  return transferred;
}

/**
 * The same without the store: the object stays where it was on its way, for one that is a means to
 * another. Whoever has no more use for it deletes the file.
 */
export async function fetchObject(
  dirs: DataDir,
  fetcher: Fetcher,
  url: string,
  object: ObjectName,
  options: DownloadOptions = {},
): Promise<Downloaded & { file: string }> {
  const file = partialPath(dirs, object);
  const partial = await openPartial(dirs, object);
  options.onProven?.(partial.proven.position);
  try {
    const transferred = await transfer(partial, fetcher, url, object, options);
    await guardStorage(`cannot write ${file}`, () => partial.handle.sync());
    return { file, ...transferred };
  } finally {
    await partial.handle.close();
  }
}

async function transfer(
  partial: PartialFile,
  fetcher: Fetcher,
  url: string,
  object: ObjectName,
  options: DownloadOptions,
): Promise<Downloaded> {
  // A whole file left by a run that died before it could adopt it needs no request.
  if (partial.position === object.length && (await isWhole(partial, object))) {
    return { bytes: 0, resumedAt: object.length, address: undefined };
  }
  let bytes = 0;
  for (let restarted = false; ; restarted = true) {
    const response = await ask(fetcher, url, partial, object, options);
    const began = partial.position;
    const inherited = began > partial.proven.position;
    try {
      await receive(response, partial, object, options, (length) => {
        bytes += length;
        options.onReceived?.(length);
      });
      if (await isWhole(partial, object)) return { bytes, resumedAt: began, address: response.address };
      throw wrongHash(url, object);
    } catch (error) {
      const mayBeInherited = inherited && error instanceof NearsourceError && error.code === "HASH_MISMATCH";
      if (!mayBeInherited || restarted) throw error;
    }
  }
}

/** Asks for the rest of the object; a source that cannot continue is asked for the whole. */
async function ask(
  fetcher: Fetcher,
  url: string,
  partial: PartialFile,
  object: ObjectName,
  options: DownloadOptions,
): Promise<Response> {
  const from = partial.position;
  const headers: Record<string, string> = from === 0 ? {} : { range: `bytes=${from}-` };
  const response = await fetcher.get(url, {
    ...options,
    headers,
    redirects: true,
    accept: from === 0 ? [200] : [200, 206, 416],
  });
  if (response.status === 206) return await checkedRange(response, from, object);
  if (response.status === 416) {
    await response.discard();
    await startOver(partial);
    options.onProven?.(0);
    return await ask(fetcher, url, partial, object, options);
  }
  if (from > 0) {
    options.onProven?.(0);
    await startOver(partial);
  }
  return await checkedLength(response, object.length);
}

/** A 206 must be the range that was asked for (RFC 9110 §15.3.7.1), of an object of this length. */
async function checkedRange(response: Response, from: number, object: ObjectName): Promise<Response> {
  const range = parseContentRange(response.headers["content-range"]);
  const fits = range?.first === from && range.last === object.length - 1;
  if (!fits || (range.length !== undefined && range.length !== object.length)) {
    await response.discard();
    throw new NearsourceError(
      "RANGE_INVALID",
      `${response.url.host} answered another range than bytes ${from} to ${object.length - 1}`,
    );
  }
  return await checkedLength(response, object.length - from);
}

/** The parts of a `Content-Range: bytes first-last/length` (RFC 9110 §14.4); length undefined for `*`. */
export function parseContentRange(
  header: string | undefined,
): { first: number; last: number; length: number | undefined } | undefined {
  const [, first, last, length] = header?.match(/^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/) ?? [];
  if (first === undefined || last === undefined) return undefined;
  return { first: Number(first), last: Number(last), length: length === "*" ? undefined : Number(length) };
}

/** A length that is announced and wrong is refused before the first byte of the body. */
async function checkedLength(response: Response, expected: number): Promise<Response> {
  const announced = response.headers["content-length"];
  if (announced === undefined || Number(announced) === expected) return response;
  await response.discard();
  throw wrongLength(response.url, expected, `announces ${announced.slice(0, 20)}`);
}

async function receive(
  response: Response,
  partial: PartialFile,
  object: ObjectName,
  options: DownloadOptions,
  count: (length: number) => void,
): Promise<void> {
  const gathered = gather(partial, object, response.url, options.onProven);
  try {
    for await (const piece of response.read()) {
      count(piece.length);
      const room = object.length - partial.position - gathered.size();
      // Bytes up to the signed length are worth keeping even if more follow; those are not.
      await gathered.add(piece.length > room ? piece.subarray(0, room) : piece);
      if (piece.length > room) throw wrongLength(response.url, object.length, "sends more than");
      options.onProgress?.(partial.position + gathered.size());
    }
  } finally {
    await gathered.end();
  }
  if (partial.position < object.length) {
    throw new NearsourceError(
      "TRUNCATED",
      `${response.url.host} ended its answer after ${partial.position} of ${object.length} bytes`,
    );
  }
}

/**
 * Gathers pieces and writes them in few large calls, each at its explicit position, from two buffers of
 * which one is filled while the other is written: memory stays the same however much comes.
 */
function gather(partial: PartialFile, object: ObjectName, url: URL, onProven: DownloadOptions["onProven"]) {
  const limit = Math.max(1, Math.min(WRITE_SIZE, object.length));
  let [buffer, spare] = [Buffer.allocUnsafe(limit), Buffer.allocUnsafe(limit)];
  let size = 0;
  let flushed = performance.now();
  let writing: Promise<void> = Promise.resolve();
  const flush = async () => {
    await writing;
    if (size === 0) return;
    const { isSigned, written } = append(partial, buffer.subarray(0, size), object);
    writing = written.then(() => onProven?.(partial.proven.position));
    // Whoever waits for it next hears of it.
    writing.catch(() => {});
    [buffer, spare, size, flushed] = [spare, buffer, 0, performance.now()];
    if (isSigned) return;
    await writing;
    await rewind(partial);
    throw wrongHash(url.href, object);
  };
  const add = async (piece: Buffer) => {
    for (let taken = 0; taken < piece.length; ) {
      const length = piece.copy(buffer, size, taken);
      taken += length;
      size += length;
      if (size === limit || performance.now() - flushed >= WRITE_INTERVAL) await flush();
    }
  };
  const end = async () => {
    await flush();
    await writing;
  };
  return { add, end, size: () => size };
}

function wrongHash(url: string, object: ObjectName): NearsourceError {
  return new NearsourceError(
    "HASH_MISMATCH",
    `${new URL(url).host} sent other bytes than the signed ${object.sha256.slice(0, 12)}…`,
    {
      hint: "the file there was altered or damaged; nothing of it was installed",
    },
  );
}

function wrongLength(url: URL, expected: number, what: string): NearsourceError {
  return new NearsourceError(
    "LENGTH_MISMATCH",
    `${url.host} ${what} ${expected === 1 ? "1 byte" : `${expected} bytes`} for ${url.pathname}`,
  );
}
