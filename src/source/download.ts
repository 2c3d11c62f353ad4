import { mayGiveWhole } from "../core/order/disposition.ts";
import { NearsourceError } from "../errors.ts";
import type { Fetcher, GetOptions } from "../http/fetcher.ts";
import type { DataDir } from "../store/dataDir.ts";
import {
  append,
  isWhole,
  type ObjectName,
  openPartial,
  type PartialFile,
  partialPath,
  passOver,
  rewind,
} from "../store/partial.ts";
import { guardStorage } from "../store/storageErrors.ts";
import { adopt } from "../store/store.ts";
import { askForPart, type Part, wrongLength } from "./part.ts";

export interface DownloadOptions extends Pick<GetOptions, "viaProxy" | "signal"> {
  /** Called with the bytes held so far, of the object's length. */
  onProgress?: ((received: number) => void) | undefined;
  /**
   * Called with the length of each piece that comes over the network, also of pieces that turn out useless.
   */
  onReceived?: ((length: number) => void) | undefined;
  /** Called at the end with the bytes of all those that came to nothing: what was sent in vain, and what had to be thrown away. */
  onWasted?: ((length: number) => void) | undefined;
  /** Called with how much of the object, from its beginning, is on disk and known to be the signed bytes. */
  onProven?: ((length: number) => void) | undefined;
  /** Whether the source has given bytes of this object in an earlier try of this run. */
  hasGiven?: boolean;
  /** Called when the source turns out to give no usable parts, with the reason, before the whole comes. */
  onNoParts?: ((reason: NearsourceError) => void) | undefined;
}

export interface Downloaded {
  /** Body bytes that came over the network. */
  bytes: number;
  /** The byte at which the transfer began; above 0 when an earlier one was continued. */
  resumedAt: number;
  address: string | undefined;
}

/** Pieces are gathered to this size before they are written, in one call each. */
const WRITE_SIZE = 1 << 18;
/** Parts shorter than this (bytes) are tiny; after so many of them the whole is asked for. */
const TINY_PART = 65_536;
const TINY_PARTS = 16;
/** Longest time (ms) between two writes of gathered bytes, so that a kill loses little. */
const WRITE_INTERVAL = 250;

/**
 * Fetches one object into the store, continuing the bytes that any earlier source or run left of it. Nothing
 * is believed: a partial file is hashed again before it is continued, blocks are checked as they complete (so
 * that a liar wastes one block), and the whole must have the signed length and SHA-256. Any part that a
 * source gives is taken; a source that gives no usable part is asked for the whole, of which the bytes here
 * already are passed over.
 *
 * If the bytes that an earlier source left turn out wrong, this one gets one restart from the last proven
 * byte: a source answers only for the bytes it sent itself.
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
 * The same without the store, for an object that is a means to another: it stays at the path of its transfer.
 * The caller deletes the file after use.
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
  const began = partial.position;
  let received = 0;
  const onReceived = (length: number) => {
    received += length;
    options.onReceived?.(length);
  };
  try {
    const transferred = await transfer(partial, fetcher, url, object, { ...options, onReceived });
    await guardStorage(`cannot write ${file}`, () => partial.handle.sync());
    return { file, ...transferred };
  } finally {
    const wasted = received - Math.max(partial.position - began, 0);
    if (wasted > 0) options.onWasted?.(wasted);
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
  const resumedAt = partial.position;
  let [bytes, inParts, restarted] = [0, true, false];
  const count = (length: number) => {
    bytes += length;
    options.onReceived?.(length);
  };
  const endParts = (reason: NearsourceError) => {
    inParts = false;
    options.onNoParts?.(reason);
  };
  for (let requests = 1; ; requests++) {
    const began = partial.position;
    const inherited = began > partial.proven.position;
    const isForPart = inParts && began > 0;
    try {
      const part = await askForPart(fetcher, url, isForPart ? began : 0, object, options);
      if (isForPart && part.response.status === 200) endParts(noParts(part.response.url));
      await receive(part, partial, object, options, count);
      if (partial.position === object.length) {
        if (!(await isWhole(partial, object))) throw wrongHash(url, object);
        return { bytes, resumedAt, address: part.response.address };
      }
      // Parts of a server's own size are taken one after the other, unless that would never end.
      if (bytes < (requests - TINY_PARTS) * TINY_PART) endParts(tinyParts(part.response.url));
    } catch (error) {
      if (!(error instanceof NearsourceError)) throw error;
      if (error.code === "HASH_MISMATCH" && inherited && !restarted) {
        restarted = true;
        await rewind(partial);
      } else if (
        isForPart &&
        partial.position <= began &&
        mayGiveWhole(error.code, options.hasGiven === true || bytes > 0)
      )
        endParts(error);
      else throw error;
    }
  }
}

async function receive(
  { response, first, end }: Part,
  partial: PartialFile,
  object: ObjectName,
  options: DownloadOptions,
  count: (length: number) => void,
): Promise<void> {
  const { url } = response;
  const newOf = passOver(partial, first, object);
  const gathered = gather(partial, object, url, options.onProven);
  try {
    for await (const piece of response.read()) {
      count(piece.length);
      const fresh = newOf(piece);
      if (fresh === undefined) throw wrongHash(url.href, object);
      const room = end - partial.position - gathered.size();
      // Bytes up to the signed length are worth keeping even if more follow; those are not.
      await gathered.add(fresh.length > room ? fresh.subarray(0, room) : fresh);
      if (fresh.length > room) throw wrongLength(url, end - first, "sends more than");
      options.onProgress?.(partial.position + gathered.size());
    }
  } finally {
    await gathered.end();
  }
  if (partial.position < end) {
    throw new NearsourceError(
      "TRUNCATED",
      `${url.host} ended its answer after ${partial.position} of ${object.length} bytes`,
    );
  }
}

/**
 * Gathers pieces and writes them in few large calls, each at its explicit position, from two buffers of which
 * one is filled while the other is written: memory does not grow with the object.
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
    // The failure is reported to the next caller that waits for it.
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

function noParts(url: URL): NearsourceError {
  return new NearsourceError(
    "RANGE_INVALID",
    `${url.host} gives no parts: it answered the request for one with the whole of ${url.pathname}`,
  );
}

function tinyParts(url: URL): NearsourceError {
  return new NearsourceError("RANGE_INVALID", `${url.host} gives tiny parts of ${url.pathname}`);
}
