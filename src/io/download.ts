import { createHash, type Hash } from "node:crypto";
import { constants, promises as fs } from "node:fs";
import path from "node:path";
import { NearsourceError } from "../errors.ts";
import type { Fetcher, GetOptions, Response } from "./fetch.ts";
import { type DataDir, guardStorage } from "./files.ts";
import { adopt } from "./store.ts";

/** An object as signed metadata names it. */
export interface ObjectName {
  sha256: string;
  /** Bytes. */
  length: number;
  blocks?: { size: number; sha256: string[] } | undefined;
}

export interface DownloadOptions extends Pick<GetOptions, "viaProxy" | "signal"> {
  /** Called with the bytes held so far, of the object's length. */
  onProgress?: ((received: number) => void) | undefined;
  /** Called with the length of each piece that comes over the network, whatever becomes of it. */
  onReceived?: ((length: number) => void) | undefined;
}

export interface Downloaded {
  /** Body bytes that came over the network. */
  bytes: number;
  /** Where the transfer began; above 0 when an earlier one was continued. */
  resumedAt: number;
  address: string | undefined;
}

/** Pieces are gathered to this size before they are written, in one call each. */
const WRITE_SIZE = 1 << 20;
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
  const file = partialPath(dirs, object);
  const partial = await openPartial(file, object);
  try {
    const result = await transfer(partial, fetcher, url, object, options);
    await guardStorage(`cannot write ${file}`, () => partial.handle.sync());
    await partial.handle.close();
    await adopt(dirs, file, object.sha256);
    return result;
  } finally {
    // Closing twice is no error; leaving it open would be.
    await partial.handle.close().catch(() => {});
  }
}

/** How much of an object an earlier transfer left here, in bytes. */
export async function partialLength(dirs: DataDir, object: ObjectName): Promise<number> {
  const found = await fs.lstat(partialPath(dirs, object)).catch(() => undefined);
  return Math.min(found?.size ?? 0, object.length);
}

function partialPath(dirs: DataDir, { sha256 }: ObjectName): string {
  return path.join(dirs.partial, sha256);
}

/** A partial file: `position` bytes are on disk and in `hash`; those up to `proven` are the signed ones. */
interface Partial {
  handle: fs.FileHandle;
  position: number;
  hash: Hash;
  /** Of the block that `position` is in. */
  block: Hash;
  proven: { position: number; hash: Hash };
}

async function openPartial(file: string, object: ObjectName): Promise<Partial> {
  return await guardStorage(`cannot write ${file}`, async () => {
    const { O_RDWR, O_CREAT } = constants;
    const handle = await fs.open(file, O_RDWR | O_CREAT | (constants.O_NOFOLLOW ?? 0), 0o600);
    const partial: Partial = { handle, ...nothingYet() };
    try {
      await rehash(partial, object);
    } catch (error) {
      await handle.close();
      throw error;
    }
    return partial;
  });
}

function nothingYet(): Omit<Partial, "handle"> {
  const [hash, block, empty] = [createHash("sha256"), createHash("sha256"), createHash("sha256")];
  return { position: 0, hash, block, proven: { position: 0, hash: empty } };
}

/** Hashes what an earlier transfer left; cuts the file back at the first block that is not the signed one. */
async function rehash(partial: Partial, object: ObjectName): Promise<void> {
  const { size } = await partial.handle.stat();
  if (size === 0) return;
  const buffer = Buffer.allocUnsafe(Math.min(WRITE_SIZE, object.length));
  while (partial.position < Math.min(size, object.length)) {
    const length = Math.min(buffer.length, object.length - partial.position);
    const { bytesRead } = await partial.handle.read(buffer, 0, length, partial.position);
    if (bytesRead === 0) break;
    if (!advance(partial, buffer.subarray(0, bytesRead), object)) return await rewind(partial);
  }
  await partial.handle.truncate(partial.position);
}

/** Takes `data`, which is on disk, into the hashes. False at a block that is not the signed one. */
function advance(partial: Partial, data: Buffer, object: ObjectName): boolean {
  const { blocks } = object;
  for (let at = 0; at < data.length; ) {
    const { position } = partial;
    const end = blocks === undefined ? Infinity : position - (position % blocks.size) + blocks.size;
    const piece = data.subarray(at, at + Math.min(end, object.length) - position);
    at += piece.length;
    partial.hash.update(piece);
    partial.position += piece.length;
    if (blocks === undefined) continue;
    partial.block.update(piece);
    if (partial.position < Math.min(end, object.length)) continue;
    if (partial.block.digest("hex") !== blocks.sha256[Math.floor(position / blocks.size)]) return false;
    partial.block = createHash("sha256");
    partial.proven = { position: partial.position, hash: partial.hash.copy() };
  }
  return true;
}

/** Back to the last byte that is known to be good. */
async function rewind(partial: Partial): Promise<void> {
  await guardStorage("cannot cut back a partial file", () =>
    partial.handle.truncate(partial.proven.position),
  );
  partial.position = partial.proven.position;
  partial.hash = partial.proven.hash.copy();
  partial.block = createHash("sha256");
}

async function startOver(partial: Partial): Promise<void> {
  Object.assign(partial, nothingYet());
  await rewind(partial);
}

async function transfer(
  partial: Partial,
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

/** Whether the file is the object; if it is not, it is cut back to what is proven. */
async function isWhole(partial: Partial, object: ObjectName): Promise<boolean> {
  if (partial.hash.copy().digest("hex") === object.sha256) return true;
  const everyBlockFits = object.blocks !== undefined && partial.proven.position === object.length;
  await (everyBlockFits ? startOver(partial) : rewind(partial));
  if (!everyBlockFits) return false;
  throw new NearsourceError(
    "MANIFEST_INVALID",
    `the blocks signed for ${object.sha256} are not those of that file`,
    {
      hint: "tell the publisher: the manifest contradicts itself",
    },
  );
}

/** Asks for the rest of the object; a source that cannot continue is asked for the whole. */
async function ask(
  fetcher: Fetcher,
  url: string,
  partial: Partial,
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
    return await ask(fetcher, url, partial, object, options);
  }
  if (from > 0) await startOver(partial);
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
  partial: Partial,
  object: ObjectName,
  options: DownloadOptions,
  count: (length: number) => void,
): Promise<void> {
  const gathered = gather(partial, object, response.url);
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
    await gathered.flush();
  }
  if (partial.position < object.length) {
    throw new NearsourceError(
      "TRUNCATED",
      `${response.url.host} ended its answer after ${partial.position} of ${object.length} bytes`,
    );
  }
}

/** Gathers pieces and writes them in few large calls, each at its explicit position. */
function gather(partial: Partial, object: ObjectName, url: URL) {
  const limit = Math.max(1, Math.min(WRITE_SIZE, object.length));
  let pieces: Buffer[] = [];
  let size = 0;
  let written = performance.now();
  const flush = async () => {
    if (size === 0) return;
    const data = pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces, size);
    pieces = [];
    size = 0;
    written = performance.now();
    await writeAt(partial, data, object, url);
  };
  const add = async (piece: Buffer) => {
    pieces.push(piece);
    size += piece.length;
    if (size >= limit || performance.now() - written >= WRITE_INTERVAL) await flush();
  };
  return { add, flush, size: () => size };
}

async function writeAt(partial: Partial, data: Buffer, object: ObjectName, url: URL): Promise<void> {
  await guardStorage(`cannot write ${object.sha256}`, async () => {
    for (let done = 0; done < data.length; ) {
      const position = partial.position + done;
      const { bytesWritten } = await partial.handle.write(data, done, data.length - done, position);
      done += bytesWritten;
    }
  });
  if (advance(partial, data, object)) return;
  await rewind(partial);
  throw wrongHash(url.href, object);
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
