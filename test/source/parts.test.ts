import { promises as fs } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { createResolver, toLookup } from "../../src/dns/resolver.ts";
import { createFetcher } from "../../src/http/client.ts";
import type { Fetcher } from "../../src/http/fetcher.ts";
import { downloadObject } from "../../src/source/download.ts";
import type { ObjectName } from "../../src/store/partial.ts";
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

const LENGTH = 100_000;
const HERE = 30_500;
const BLOCK = 10_000;
const BYTES = noise("parts", LENGTH);
const PLAIN: ObjectName = { sha256: sha256(BYTES), length: LENGTH };
const OBJECTS: [name: string, ObjectName][] = [
  ["an object", PLAIN],
  [
    "an object with blocks",
    {
      ...PLAIN,
      blocks: {
        size: BLOCK,
        sha256: Array.from({ length: LENGTH / BLOCK }, (_, at) =>
          sha256(BYTES.subarray(at * BLOCK, (at + 1) * BLOCK)),
        ),
      },
    },
  ],
];

/** Answers a request for the bytes from `from` on; what returns false leaves the whole to be sent. */
type Ranges = (response: ServerResponse, from: number, request: IncomingMessage) => boolean;

/** A 206 of the bytes `first` to `end`, with the headers that belong to it or others. */
function part(response: ServerResponse, first: number, end: number, headers: Record<string, string> = {}) {
  const body = BYTES.subarray(first, end);
  const own = { "content-range": `bytes ${first}-${end - 1}/${LENGTH}`, "content-length": `${body.length}` };
  const all = Object.entries({ ...own, ...headers }).filter(([, value]) => value !== "");
  response.writeHead(206, Object.fromEntries(all)).end(body);
  return true;
}

function status(code: number): Ranges {
  return (response) => {
    response.writeHead(code).end("no");
    return true;
  };
}

const rest = (headers: Record<string, string>): Ranges => {
  return (response, from) => part(response, from, LENGTH, headers);
};

/** The behaviours of servers with ranges; the part that came is taken. */
const TAKEN: [name: string, Ranges][] = [
  ["in parts of its own size", (response, from) => part(response, from, Math.min(from + 7_000, LENGTH))],
  [
    "of its own size, which do not end with blocks",
    (response, from) => part(response, from, Math.min(from + 9_999, LENGTH)),
  ],
  ["from the beginning", (response) => part(response, 0, LENGTH)],
  ["from an earlier block", (response, from) => part(response, from - (from % BLOCK), LENGTH)],
  [
    "from an earlier byte to an earlier end",
    (response, from) => part(response, Math.max(from - 100, 0), Math.min(from + 40_000, LENGTH)),
  ],
  ["with the unit in capitals", rest({ "content-range": `Bytes ${HERE}-${LENGTH - 1}/${LENGTH}` })],
  ["with an equals sign", rest({ "content-range": `bytes=${HERE}-${LENGTH - 1}/${LENGTH}` })],
  ["of an unknown total", rest({ "content-range": `bytes ${HERE}-${LENGTH - 1}/*` })],
  ["without a length", rest({ "content-length": "" })],
];

/** After these the whole is asked for, and that a server gives no parts is said. */
const WHOLE: [name: string, Ranges][] = [
  ["without saying which", rest({ "content-range": "" })],
  ["of several parts", rest({ "content-range": "", "content-type": "multipart/byteranges; boundary=x" })],
  ["in another unit", rest({ "content-range": `lines ${HERE}-${LENGTH - 1}/${LENGTH}` })],
  ["of a wrong total", rest({ "content-range": `bytes ${HERE}-${LENGTH - 1}/${LENGTH - HERE}` })],
  ["beyond the end", rest({ "content-range": `bytes ${HERE}-${LENGTH}/${LENGTH + 1}` })],
  ["that begins too late", (response, from) => part(response, from + 1, LENGTH)],
  ["that ends before the asked byte", (response, from) => part(response, 0, from)],
  ["of another length than its range", rest({ "content-range": `bytes ${HERE}-${LENGTH - 2}/${LENGTH}` })],
  ["saying garbage", rest({ "content-range": "bytes */*" })],
  ["encoded", rest({ "content-encoding": "gzip" })],
  [
    "that is empty, and the connection closed",
    (response, from) => {
      response.writeHead(206, { "content-range": `bytes ${from}-${LENGTH - 1}/${LENGTH}` });
      response.flushHeaders();
      response.destroy();
      return true;
    },
  ],
  [
    "as a whole whose length is that of the rest",
    (response, from) => {
      response.writeHead(200, { "content-length": `${LENGTH - from}` }).end(BYTES.subarray(from));
      return true;
    },
  ],
  ["a byte at a time", (response, from) => part(response, from, from + 1)],
  ["not at all, but the whole", () => false],
  [
    "by closing the connection",
    (response) => {
      response.destroy();
      return true;
    },
  ],
  ...[400, 401, 403, 405, 406, 412, 416, 500, 501, 502, 304].map((code): [string, Ranges] => [
    `with ${code}`,
    status(code),
  ]),
];

async function continued(
  object: ObjectName,
  ranges: Ranges,
  here = BYTES.subarray(0, HERE),
  by: Fetcher = fetcher,
) {
  const dirs = await newDataDir();
  await fs.writeFile(path.join(dirs.partial, object.sha256), here);
  const asked: (string | undefined)[] = [];
  const source = await startSource(await newFolder(), {
    answer: (request, response) => {
      const { range } = request.headers;
      asked.push(range);
      const from = range?.match(/^bytes=(\d+)-$/)?.[1];
      if (from !== undefined && ranges(response, Number(from), request)) return true;
      response.writeHead(200, { "content-length": LENGTH }).end(BYTES);
      return true;
    },
  });
  open.push(source);
  const said: string[] = [];
  const proven: number[] = [];
  const done = await downloadObject(dirs, by, `${source.url}/${object.sha256}`, object, {
    onNoParts: ({ message }) => said.push(message),
    onProven: (length) => proven.push(length),
  });
  expect((await fs.readFile(storePath(dirs, object.sha256))).equals(BYTES)).toBe(true);
  expect(await fs.readdir(dirs.partial)).toEqual([]);
  return { asked, said, proven, done };
}

describe.each(OBJECTS)("%s is continued at a source that answers a range", (_, object) => {
  test.each(TAKEN)("%s", async (_, ranges) => {
    const { asked, said, done } = await continued(object, ranges);
    expect(said).toEqual([]);
    expect(asked).not.toContain(undefined);
    expect(done.resumedAt).toBe(HERE);
  });

  test.each(WHOLE)("%s", async (_, ranges) => {
    const { asked, said, proven } = await continued(object, ranges);
    expect(asked.filter((range) => range === undefined).length).toBeLessThanOrEqual(1);
    expect(said).toHaveLength(1);
    // Proven bytes are not given up.
    expect(proven).toEqual(proven.toSorted((a, b) => a - b));
  });
});

test("bytes of the beginning in place of those asked for are found out at the first block", async () => {
  const [, object] = OBJECTS[1] ?? ["", PLAIN];
  const beginning: Ranges = (response, from) => {
    const range = `bytes ${from}-${LENGTH - 1}/${LENGTH}`;
    response.writeHead(206, { "content-range": range, "content-length": `${LENGTH - from}` });
    response.end(BYTES.subarray(0, LENGTH - from));
    return true;
  };
  const { asked, said } = await continued(object, beginning, BYTES.subarray(0, 3 * BLOCK));
  expect(asked).toEqual([`bytes=${3 * BLOCK}-`, undefined]);
  expect(said).toEqual([expect.stringContaining("sent other bytes than the signed")]);
});

test("a range that is met with silence is followed by a request for the whole", async () => {
  const hasty = createFetcher(
    { ...LIMITS, responseTimeout: 2_000 },
    toLookup(createResolver({ servers: [] })),
  );
  const { asked } = await continued(PLAIN, () => true, undefined, hasty);
  hasty.close();
  expect(asked).toEqual([`bytes=${HERE}-`, undefined]);
});

describe("what is here and what comes", () => {
  test.each(OBJECTS)("differ: what is here gives way (%s)", async (_, object) => {
    const here = Buffer.concat([BYTES.subarray(0, 20_000), noise("other", 10_500)]);
    for (const ranges of [() => false, rest({}), status(403)] as Ranges[])
      await continued(object, ranges, here);
  });

  test("differ at a source that lies: no more than its first block is read", async () => {
    const dirs = await newDataDir();
    const [, object] = OBJECTS[1] ?? ["", PLAIN];
    await fs.writeFile(path.join(dirs.partial, object.sha256), BYTES.subarray(0, 3 * BLOCK));
    const source = await startSource(await newFolder(), {
      answer: (_, response) => {
        response.writeHead(200, { "content-length": LENGTH }).end(noise("lies", LENGTH));
        return true;
      },
    });
    open.push(source);
    await expect(
      downloadObject(dirs, fetcher, `${source.url}/${object.sha256}`, object),
    ).rejects.toMatchObject({ code: "HASH_MISMATCH" });
    expect((await fs.stat(path.join(dirs.partial, object.sha256))).size).toBe(3 * BLOCK);
  });
});

test("a source of which nothing comes any more, ranges or not, is left with what it said to the whole", async () => {
  const dirs = await newDataDir();
  await fs.writeFile(path.join(dirs.partial, PLAIN.sha256), BYTES.subarray(0, HERE));
  const source = await startSource(await newFolder());
  open.push(source);
  await expect(downloadObject(dirs, fetcher, `${source.url}/gone`, PLAIN)).rejects.toMatchObject({
    code: "HTTP_NOT_FOUND",
  });
  expect(source.requests).toHaveLength(1);
});
