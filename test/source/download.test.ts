import { promises as fs } from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { objectPath } from "../../src/core/content/layout.ts";
import { createResolver, toLookup } from "../../src/dns/resolver.ts";
import { createFetcher } from "../../src/http/client.ts";
import type { Fetcher } from "../../src/http/fetcher.ts";
import { parseContentRange } from "../../src/http/range.ts";
import { type DownloadOptions, downloadObject } from "../../src/source/download.ts";
import type { DataDir } from "../../src/store/dataDir.ts";
import { type ObjectName, partialLength } from "../../src/store/partial.ts";
import { storePath } from "../../src/store/store.ts";
import { startSource, type TestSource } from "../support/source.ts";
import { closeAll, newDataDir, newFolder, noise, sha256 } from "../support/world.ts";

const LIMITS = { connectTimeout: 10_000, responseTimeout: 10_000, stallTimeout: 10_000, minRate: 1 };

let fetcher: Fetcher;
beforeAll(() => {
  fetcher = createFetcher(LIMITS, toLookup(createResolver({ servers: [] })));
});
afterAll(() => fetcher.close());

const open: TestSource[] = [];
afterEach(() => closeAll(open));

/** An object as its manifest names it, with blocks of `size` bytes. */
function described(bytes: Buffer, size?: number): ObjectName {
  const name = { sha256: sha256(bytes), length: bytes.length };
  if (size === undefined) return name;
  const count = Math.ceil(bytes.length / size);
  const hashes = Array.from({ length: count }, (_, index) =>
    sha256(bytes.subarray(index * size, (index + 1) * size)),
  );
  return { ...name, blocks: { size, sha256: hashes } };
}

/** A source with `bytes` where `object` belongs. */
async function serve(object: ObjectName, bytes: Buffer): Promise<TestSource> {
  const root = await newFolder();
  const file = path.join(root, objectPath(object.sha256));
  await fs.mkdir(path.dirname(file), { recursive: true });
  await fs.writeFile(file, bytes);
  const source = await startSource(root);
  open.push(source);
  return source;
}

function download(dirs: DataDir, source: TestSource, object: ObjectName, options?: DownloadOptions) {
  return downloadObject(dirs, fetcher, `${source.url}/${objectPath(object.sha256)}`, object, options);
}

const partialFile = (dirs: DataDir, object: ObjectName) => path.join(dirs.partial, object.sha256);

async function expectStored(dirs: DataDir, object: ObjectName, bytes: Buffer): Promise<void> {
  expect((await fs.readFile(storePath(dirs, object.sha256))).equals(bytes)).toBe(true);
  expect(await fs.readdir(dirs.partial)).toEqual([]);
}

describe("an object", () => {
  test.for([0, 1, 2, 65_535, 65_536, 1_048_576, 1_048_577, 3_000_000])(
    "of %i bytes comes whole",
    async (length) => {
      const bytes = noise(`${length}`, length);
      for (const size of [undefined, 1_000_000]) {
        const dirs = await newDataDir();
        const object = described(bytes, length === 0 ? undefined : size);
        const source = await serve(object, bytes);
        expect(await download(dirs, source, object)).toEqual({
          bytes: length,
          resumedAt: 0,
          // Of nothing there is nothing to ask for.
          address: length === 0 ? undefined : "127.0.0.1",
        });
        await expectStored(dirs, object, bytes);
      }
    },
  );

  test("tells how much of it is there as it comes, and how much came over the network", async () => {
    const bytes = noise("progress", 2_000_000);
    const object = described(bytes);
    const dirs = await newDataDir();
    await fs.writeFile(partialFile(dirs, object), bytes.subarray(0, 500_000));
    const progress: number[] = [];
    let received = 0;
    const onReceived = (length: number) => {
      received += length;
    };
    const done = await download(dirs, await serve(object, bytes), object, {
      onProgress: (at) => progress.push(at),
      onReceived,
    });
    expect(done).toMatchObject({ bytes: 1_500_000, resumedAt: 500_000 });
    expect(received).toBe(1_500_000);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(progress.at(-1)).toBe(2_000_000);
  });

  test("that is whole in a partial file is taken from there, and nobody is asked", async () => {
    const bytes = noise("whole", 10_000);
    const object = described(bytes, 3_000);
    const dirs = await newDataDir();
    await fs.writeFile(partialFile(dirs, object), bytes);
    const source = await serve(object, bytes);
    expect(await download(dirs, source, object)).toMatchObject({
      bytes: 0,
      resumedAt: 10_000,
      address: undefined,
    });
    expect(source.requests).toEqual([]);
    await expectStored(dirs, object, bytes);
  });

  test("whose transfer is interrupted leaves its beginning behind, for its owner alone", async () => {
    const bytes = noise("interrupted", 3_000_000);
    const object = described(bytes);
    const dirs = await newDataDir();
    const abort = new AbortController();
    const onProgress = (received: number) => {
      if (received > 1_000_000) abort.abort();
    };
    const source = await serve(object, bytes);
    await expect(download(dirs, source, object, { signal: abort.signal, onProgress })).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
    const left = await fs.readFile(partialFile(dirs, object));
    expect(left.length).toBeGreaterThan(1_000_000);
    expect(left.equals(bytes.subarray(0, left.length))).toBe(true);
    expect((await fs.stat(partialFile(dirs, object))).mode & 0o777).toBe(0o600);
    expect(await partialLength(dirs, object)).toBe(left.length);
    await download(dirs, source, object);
    await expectStored(dirs, object, bytes);
  });

  test("with another hash leaves nothing behind that could be taken for it", async () => {
    const bytes = noise("genuine", 50_000);
    const object = described(bytes);
    const dirs = await newDataDir();
    await expect(download(dirs, await serve(object, noise("forged", 50_000)), object)).rejects.toMatchObject({
      code: "HASH_MISMATCH",
      message: expect.stringMatching(/^127\.0\.0\.1:\d+ sent other bytes than the signed [0-9a-f]{12}…$/),
    });
    expect(await partialLength(dirs, object)).toBe(0);
    await expect(fs.stat(storePath(dirs, object.sha256))).rejects.toThrow("ENOENT");
  });

  test("tells how much of what came was thrown away, and counts nothing that the next source continues", async () => {
    const bytes = noise("counted", 10_000);
    const object = described(bytes, 1_000);
    const altered = Buffer.from(bytes);
    altered[5_500] = (altered[5_500] ?? 0) ^ 1;
    const count = { received: 0, wasted: 0 };
    const options: DownloadOptions = {
      onReceived: (length) => (count.received += length),
      onWasted: (length) => (count.wasted += length),
    };
    const dirs = await newDataDir();
    await expect(download(dirs, await serve(object, altered), object, options)).rejects.toThrow();
    expect(count.wasted).toBe(count.received - 5_000);
    const lost = count.wasted;
    await download(dirs, await serve(object, bytes), object, options);
    expect(count.wasted).toBe(lost);

    const whole = described(noise("whole", 5_000));
    Object.assign(count, { received: 0, wasted: 0 });
    await expect(
      download(dirs, await serve(whole, noise("forged", 5_000)), whole, options),
    ).rejects.toThrow();
    expect(count).toEqual({ received: 5_000, wasted: 5_000 });
  });

  test("whose signed blocks are not its own is nobody's fault but the manifest's", async () => {
    const bytes = noise("right", 10_000);
    const wrong = { ...described(bytes), blocks: described(noise("wrong", 10_000), 4_000).blocks };
    const dirs = await newDataDir();
    await expect(download(dirs, await serve(wrong, bytes), wrong)).rejects.toMatchObject({
      code: "HASH_MISMATCH",
    });

    const other = { ...described(noise("other", 10_000)), blocks: described(bytes, 4_000).blocks };
    await expect(download(dirs, await serve(other, bytes), other)).rejects.toMatchObject({
      code: "MANIFEST_INVALID",
    });
    expect(await partialLength(dirs, other)).toBe(0);
  });

  test("of which a middle block is bad is cut back to the block before", async () => {
    const bytes = noise("blocks", 10_000);
    const object = described(bytes, 1_000);
    const altered = Buffer.from(bytes);
    altered[5_500] = (altered[5_500] ?? 0) ^ 1;
    const dirs = await newDataDir();
    await expect(download(dirs, await serve(object, altered), object)).rejects.toMatchObject({
      code: "HASH_MISMATCH",
    });
    expect(await partialLength(dirs, object)).toBe(5_000);
    const source = await serve(object, bytes);
    expect(await download(dirs, source, object)).toMatchObject({ bytes: 5_000, resumedAt: 5_000 });
    expect(source.requests[0]?.range).toBe("bytes=5000-");
    await expectStored(dirs, object, bytes);
  });

  test("is fetched by two at once into two data directories without a mix-up", async () => {
    const bytes = noise("twice", 1_000_000);
    const object = described(bytes);
    const source = await serve(object, bytes);
    const all = await Promise.all([newDataDir(), newDataDir()]);
    await Promise.all(all.map((dirs) => download(dirs, source, object)));
    for (const dirs of all) await expectStored(dirs, object, bytes);
  });
});

describe("how much is left of an object", () => {
  test("is never more than the object, and nothing when there is nothing", async () => {
    const dirs = await newDataDir();
    const object = described(noise("x", 100));
    expect(await partialLength(dirs, object)).toBe(0);
    await fs.writeFile(partialFile(dirs, object), Buffer.alloc(1_000));
    expect(await partialLength(dirs, object)).toBe(100);
  });
});

test.for([
  ["bytes 0-9/10", { first: 0, last: 9, length: 10 }],
  ["bytes 5-9/*", { first: 5, last: 9, length: undefined }],
  [
    "bytes 999999999999999-999999999999999/*",
    { first: 999999999999999, last: 999999999999999, length: undefined },
  ],
  [undefined, undefined],
  ["", undefined],
  ["bytes */10", undefined],
  ["bytes 0-9", undefined],
  ["bytes=0-9/10", { first: 0, last: 9, length: 10 }],
  ["Bytes 0-9/10", { first: 0, last: 9, length: 10 }],
  ["BYTES\t0-9/*", { first: 0, last: 9, length: undefined }],
  ["lines 0-9/10", undefined],
  ["bytes0-9/10", undefined],
  ["bytes -1-9/10", undefined],
  ["bytes 0-9/10, 20-29/30", undefined],
  ["bytes 0x0-0x9/0x10", undefined],
  ["bytes 1e3-9/10", undefined],
  [" bytes 0-9/10 ", { first: 0, last: 9, length: 10 }],
  ["bytes 9999999999999999-9999999999999999/*", undefined],
] as const)("the Content-Range %j is read as %j", ([header, range]) => {
  expect(parseContentRange(header)).toEqual(range);
});
