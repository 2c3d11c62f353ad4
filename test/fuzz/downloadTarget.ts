import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { promises as fs } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { NearsourceError } from "../../src/errors.ts";
import type { Fetcher, Response } from "../../src/http/fetcher.ts";
import { toStatusError } from "../../src/http/httpErrors.ts";
import { type DownloadOptions, downloadObject } from "../../src/source/download.ts";
import type { DataDir } from "../../src/store/dataDir.ts";
import { openDataDir } from "../../src/store/openDataDir.ts";
import type { ObjectName } from "../../src/store/partial.ts";
import { inStore, storePath } from "../../src/store/store.ts";
import { type FuzzTarget, jsonOf, objectOf, toJsonBytes, unexpected } from "./target.ts";

/**
 * The transfer of one object of 64 bytes. An input says what stands in the partial file, and what the
 * source answers to one request after the other; bytes are slices of the object, from which one may
 * differ, so that answers can be nearly right:
 *
 *     { "blocks": true, "partial": { "from": 0, "to": 20 }, "answers": [
 *       { "status": 206, "headers": { "content-range": "bytes 20-63/64" }, "body": { "from": 20, "to": 64, "wrong": 30 } } ] }
 */
export function downloadTarget(scratch: string): FuzzTarget {
  const root = path.join(scratch, "download");
  return {
    name: "download",
    json: true,
    made: madeTransfer(),
    check: async (input) => checkTransfer(await openDataDir(root), objectOf(jsonOf(input.toString())) ?? {}),
  };
}

const BYTES = createHash("shake128", { outputLength: 64 }).update("nearsource").digest();
const BLOCK = 16;
const URL_OF_OBJECT = "http://ua-berlin.corp.example/content/objects/object";

function madeTransfer(): fc.Arbitrary<Buffer> {
  const at = fc.nat(70);
  const slice = fc.record({ from: at, to: at, wrong: at }, { requiredKeys: ["from", "to"] });
  const rest = fc.nat(63).map((from) => ({
    status: 206,
    headers: { "content-range": `bytes ${from}-63/64`, "content-length": String(64 - from) },
    body: { from, to: 64 },
  }));
  const number = fc.oneof(
    at.map(String),
    fc.constantFrom("64", "63", "*", "", "-1", "1e1", "999999999999999"),
  );
  const range = fc
    .tuple(number, number, number)
    .map(([first, last, length]) => `bytes ${first}-${last}/${length}`);
  const headers = fc.record({ "content-range": range, "content-length": number }, { requiredKeys: [] });
  const status = fc.constantFrom(200, 206, 416, 404, 500, 204);
  const any = fc.record({ status, headers, body: slice, breaks: fc.boolean() });
  const whole = fc.constant({ status: 200, headers: {}, body: { from: 0, to: 64 } });
  return fc
    .record({
      blocks: fc.boolean(),
      partial: fc.oneof(
        slice,
        fc.nat(64).map((to) => ({ from: 0, to })),
      ),
      answers: fc.array(fc.oneof(any, rest, whole), { maxLength: 3 }),
    })
    .map(toJsonBytes);
}

/** The store never holds anything but the object, and an honest source can always finish what is left. */
async function checkTransfer(dirs: DataDir, input: Record<string, unknown>): Promise<boolean> {
  const object = objectOfInput(input);
  const partial = path.join(dirs.partial, object.sha256);
  await fs.rm(storePath(dirs, object.sha256), { force: true });
  await fs.writeFile(partial, sliceOf(input.partial));
  const answers = Array.isArray(input.answers) ? input.answers.slice(0, 8).map(objectOf) : [];
  const delivered = await transfers(dirs, answering(answers), object);
  assert.equal(await inStore(dirs, object), delivered);
  if (delivered) assert(BYTES.equals(await fs.readFile(storePath(dirs, object.sha256))));
  else assert(await transfers(dirs, honest(), object), "an honest source cannot finish it");
  assert(BYTES.equals(await fs.readFile(storePath(dirs, object.sha256))));
  assert.deepEqual(await fs.readdir(dirs.partial), []);
  return delivered;
}

function objectOfInput({ blocks }: Record<string, unknown>): ObjectName {
  const hash = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
  const object = { sha256: hash(BYTES), length: BYTES.length };
  if (blocks !== true) return object;
  const starts = Array.from({ length: BYTES.length / BLOCK }, (_, index) => index * BLOCK);
  const sha256 = starts.map((start) => hash(BYTES.subarray(start, start + BLOCK)));
  return { ...object, blocks: { size: BLOCK, sha256 } };
}

/** Bytes of the object, over and over, one of which may be wrong. */
function sliceOf(value: unknown): Buffer {
  const { from, to, wrong } = objectOf(value) ?? {};
  const number = (each: unknown) =>
    typeof each === "number" && each > 0 ? Math.floor(Math.min(each, 256)) : 0;
  const bytes = Buffer.concat([BYTES, BYTES, BYTES, BYTES]);
  const place = number(wrong);
  if (typeof wrong === "number") bytes[place] = ~(bytes[place] ?? 0);
  return bytes.subarray(number(from), number(to));
}

/** Whether the object was delivered; a source may fail only in the ways that lead to the next one. */
async function transfers(dirs: DataDir, fetcher: Fetcher, object: ObjectName): Promise<boolean> {
  let received = 0;
  const options: DownloadOptions = {
    onReceived: (length) => {
      received += length;
    },
    onProgress: (held) => assert(held >= 0 && held <= object.length),
  };
  try {
    const { bytes, resumedAt } = await downloadObject(dirs, fetcher, URL_OF_OBJECT, object, options);
    assert(resumedAt >= 0 && resumedAt <= object.length && bytes === received);
    return true;
  } catch (error) {
    assert(error instanceof NearsourceError, unexpected(error));
    assert(["connect", "request", "transfer"].includes(error.phase), `failed with ${error.code}`);
    return false;
  }
}

type Answerer = (range: string | undefined) => Record<string, unknown> | undefined;

function answering(answers: (Record<string, unknown> | undefined)[]): Fetcher {
  const left = [...answers];
  return fetcherOf(() => left.shift());
}

/** Answers every request as it should be. */
function honest(): Fetcher {
  return fetcherOf((range) => {
    const from = Number(range?.match(/^bytes=(\d+)-$/)?.[1] ?? 0);
    const headers = { "content-range": `bytes ${from}-63/64`, "content-length": String(64 - from) };
    return { status: from === 0 ? 200 : 206, headers, body: { from, to: 64 } };
  });
}

function fetcherOf(answer: Answerer): Fetcher {
  const get: Fetcher["get"] = async (url, { headers, accept = [200] } = {}) => {
    checkAsked(headers?.range);
    const given = answer(headers?.range);
    if (given === undefined) throw new NearsourceError("CONNECTION_REFUSED", "no more answers");
    const status = typeof given.status === "number" ? given.status : 200;
    if (!accept.includes(status)) throw toStatusError(status, new URL(url));
    return toResponse(url, status, given);
  };
  return { get, limitRate: () => {}, close: () => {} };
}

/** The request is for the rest of the object, never for nothing and never for all. */
function checkAsked(range: string | undefined): void {
  if (range === undefined) return;
  const from = Number(range.match(/^bytes=(\d+)-$/)?.[1] ?? Number.NaN);
  assert(from > 0 && from <= BYTES.length, `asks for ${range}`);
}

function toResponse(url: string, status: number, given: Record<string, unknown>): Response {
  const fields = Object.entries(objectOf(given.headers) ?? {}).filter(
    ([, value]) => typeof value === "string",
  );
  return {
    status,
    headers: Object.fromEntries(fields) as Record<string, string>,
    url: new URL(url),
    address: "10.1.0.5",
    async *read() {
      const bytes = sliceOf(given.body);
      for (let at = 0; at < bytes.length; at += 10) yield bytes.subarray(at, at + 10);
      if (given.breaks === true) throw new NearsourceError("TRUNCATED", "broke off");
    },
    discard: async () => {},
  };
}
