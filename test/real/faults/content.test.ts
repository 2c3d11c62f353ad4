import { describe, expect, test } from "vitest";
import type { RawAnswer } from "../../support/rawServer.ts";
import { sharedWorld } from "../../support/world.ts";
import { type Fault, head, meet, OBJECT } from "./meet.ts";

const stage = sharedWorld();

const { length } = OBJECT;

/** Sends `body` with its own length, from where it is asked to go on. */
function sending(body: Buffer): RawAnswer {
  return (socket, { headers }) => {
    const from = Number(headers.range?.match(/\d+/)?.[0] ?? 0);
    const rest = body.subarray(from);
    const range = from === 0 ? [] : [`content-range: bytes ${from}-${body.length - 1}/${body.length}`];
    socket.write(head(from === 0 ? 200 : 206, `content-length: ${rest.length}`, ...range));
    socket.write(rest);
  };
}

function altered(at: number): Buffer {
  const bytes = Buffer.from(OBJECT);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes;
}

const alterations: Fault[] = [
  { name: "altered in its first byte", code: "HASH_MISMATCH", answer: sending(altered(0)) },
  { name: "altered in its middle", code: "HASH_MISMATCH", answer: sending(altered(length / 2)) },
  { name: "altered in its last byte", code: "HASH_MISMATCH", answer: sending(altered(length - 1)) },
  { name: "of zeros", code: "HASH_MISMATCH", answer: sending(Buffer.alloc(length)) },
  { name: "a byte shorter", code: "LENGTH_MISMATCH", answer: sending(OBJECT.subarray(1)) },
  {
    name: "a byte longer",
    code: "LENGTH_MISMATCH",
    answer: sending(Buffer.concat([OBJECT, Buffer.from([0])])),
  },
  { name: "that is empty", code: "LENGTH_MISMATCH", answer: sending(Buffer.alloc(0)) },
];

/**
 * Answers to a request for the rest of an object, of which 20,000 bytes are there already, and to the one
 * for the whole that follows; `source/parts.test.ts` has those who answer that as it should be.
 */
const continuations: Fault[] = [
  { name: "from its first byte", range: `bytes 0-${length - 1}/${length}` },
  { name: "a byte too early", range: `bytes 19999-${length - 1}/${length}` },
  { name: "a byte too late", range: `bytes 20001-${length - 1}/${length}` },
  { name: "not up to its end", range: `bytes 20000-${length - 2}/${length}` },
  { name: "of a longer object", range: `bytes 20000-${length - 1}/${length + 1}` },
  { name: "in another unit", range: `lines 20000-${length - 1}/${length}` },
  { name: "without saying what", range: undefined },
  { name: "with numbers beyond all measure", range: `bytes ${"9".repeat(30)}-${"9".repeat(30)}/*` },
  { name: "saying garbage", range: "bytes */*" },
].map(({ name, range }) => ({
  name,
  code: "HTTP_STATUS",
  partial: 20_000,
  answer: (socket) => {
    const headers = range === undefined ? [] : [`content-range: ${range}`];
    socket.write(head(206, `content-length: ${length - 20_000}`, ...headers));
    socket.write(OBJECT.subarray(20_000));
  },
}));

describe.concurrent("a source that", () => {
  test.for(alterations)("sends an object $name is passed over: $code", async (fault) => {
    await meet(stage.world, { ...fault, on: "object", tries: 1 });
  });

  test.for(continuations)(
    "continues an object $name, and answers so again, is passed over",
    async (fault) => {
      await meet(stage.world, { ...fault, on: "object", tries: 2 });
    },
  );

  test("continues an object with fewer bytes than its range says is passed over", async () => {
    await meet(stage.world, {
      name: "short",
      code: "HTTP_STATUS",
      on: "object",
      partial: 20_000,
      tries: 2,
      answer: (socket) => {
        const range = `content-range: bytes 20000-${length - 1}/${length}`;
        socket.write(head(206, "content-length: 10", range) + "x".repeat(10));
      },
    });
  });

  test("continues an object with other bytes gets one restart, then is passed over", async () => {
    const ranges: (string | undefined)[] = [];
    const lie = sending(altered(length - 1));
    await meet(stage.world, {
      name: "lie",
      code: "HASH_MISMATCH",
      on: "object",
      partial: 20_000,
      answer: (socket, request) => {
        ranges.push(request.headers.range);
        return lie(socket, request);
      },
    });
    expect(ranges).toEqual(["bytes=20000-", undefined]);
  });

  test("says 416 to a range, and to the whole too, is passed over", async () => {
    await meet(stage.world, {
      name: "416",
      code: "HTTP_STATUS",
      on: "object",
      partial: 20_000,
      tries: 2,
      answer: (socket) => socket.write(head(416, `content-range: bytes */${length}`, "content-length: 0")),
    });
  });

  test("sends all of an object and never says that it is all has sent it in vain for itself alone", async () => {
    const { attempt } = await meet(stage.world, {
      name: "open end",
      code: "STALLED",
      on: "object",
      hasty: true,
      tries: 1,
      answer: (socket) => {
        socket.write(head(200));
        socket.write(OBJECT);
      },
    });
    expect(attempt.bytes).toBeGreaterThanOrEqual(length);
  });
});
