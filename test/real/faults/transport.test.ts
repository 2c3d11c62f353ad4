import { describe, expect, test } from "vitest";
import { writeForEver } from "../../support/rawServer.ts";
import { sharedWorld } from "../../support/world.ts";
import { type Fault, head, meet, meetUrl, OBJECT } from "./meet.ts";

const stage = sharedWorld();

/** Faults below HTTP: connections that are not made, not answered, or not kept. */
const connection: Fault[] = [
  { name: "accepts and never answers", code: "RESPONSE_TIMEOUT", hasty: true, tries: 1 },
  {
    name: "sends a header and then nothing",
    code: "RESPONSE_TIMEOUT",
    hasty: true,
    answer: (socket) => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n"),
  },
  {
    name: "sends one header every 200 ms for ever",
    code: "RESPONSE_TIMEOUT",
    hasty: true,
    answer: (socket) => {
      socket.write("HTTP/1.1 200 OK\r\n");
      return writeForEver(socket, () => "x-more: yes\r\n", 200);
    },
  },
  {
    name: "sends interim answers for ever",
    code: "RESPONSE_TIMEOUT",
    hasty: true,
    answer: (socket) => writeForEver(socket, () => head(103, "link: </style.css>"), 20),
  },
  {
    name: "closes before it answers",
    code: "CONNECTION_RESET",
    tries: 2,
    answer: (socket) => socket.end(),
  },
  {
    name: "resets before it answers",
    code: "CONNECTION_RESET",
    tries: 2,
    answer: (socket) => socket.resetAndDestroy(),
  },
  {
    name: "resets as soon as it has accepted",
    code: "CONNECTION_RESET",
    onConnection: (socket) => {
      socket.resetAndDestroy();
      return true;
    },
  },
];

/** Faults in the middle of a body that should be `length` bytes long. */
const inBody = (length: number, half = OBJECT.subarray(0, length / 2)): Fault[] => [
  {
    name: "stalls half way",
    code: "STALLED",
    hasty: true,
    tries: 1,
    answer: (socket) =>
      socket.write(Buffer.concat([Buffer.from(head(200, `content-length: ${length}`)), half])),
  },
  {
    name: "stalls after the headers",
    code: "STALLED",
    hasty: true,
    answer: (socket) => socket.write(head(200, `content-length: ${length}`)),
  },
  {
    name: "trickles one byte every 100 ms",
    code: "TOO_SLOW",
    hasty: true,
    tries: 1,
    answer: (socket) => {
      socket.write(head(200, `content-length: ${length}`));
      return writeForEver(socket, () => "x", 100);
    },
  },
  {
    name: "resets half way",
    code: "TRUNCATED",
    tries: 2,
    answer: (socket) => {
      socket.write(head(200, `content-length: ${length}`));
      socket.write(half, () => setImmediate(() => socket.resetAndDestroy()));
    },
  },
  {
    name: "resets half way of a body without a length",
    code: "TRUNCATED",
    tries: 2,
    answer: (socket) => {
      socket.write(head(200));
      socket.write(half, () => setImmediate(() => socket.resetAndDestroy()));
    },
  },
  {
    name: "closes half way",
    code: "TRUNCATED",
    tries: 2,
    answer: (socket) =>
      socket.end(Buffer.concat([Buffer.from(head(200, `content-length: ${length}`)), half])),
  },
  {
    name: "closes half way of a body without a length",
    code: "TRUNCATED",
    tries: 2,
    answer: (socket) => socket.end(Buffer.concat([Buffer.from(head(200)), half])),
  },
  {
    name: "closes half way of a chunk",
    code: "TRUNCATED",
    tries: 2,
    answer: (socket) => {
      socket.write(`${head(200, "transfer-encoding: chunked")}${length.toString(16)}\r\n`);
      socket.end(half);
    },
  },
  {
    name: "closes between two chunks",
    code: "TRUNCATED",
    tries: 2,
    answer: (socket) => {
      socket.write(`${head(200, "transfer-encoding: chunked")}${half.length.toString(16)}\r\n`);
      socket.write(half);
      socket.end("\r\n");
    },
  },
];

describe.concurrent("a source that", () => {
  test("refuses the connection is passed over at once", async () => {
    // Nobody listens on 127.0.0.2, whatever port it is.
    await meetUrl(stage.world, "http://127.0.0.2:21119", { code: "CONNECTION_REFUSED" });
  });

  test.for(connection)("$name is passed over: $code", async (fault) => {
    await meet(stage.world, fault);
  });

  test.for(inBody(OBJECT.length))("$name of an object is passed over: $code", async (fault) => {
    await meet(stage.world, { ...fault, on: "object" });
  });

  test.for(inBody(600).filter(({ code }) => code !== "TRUNCATED"))(
    "$name of the timestamp is passed over: $code",
    async (fault) => {
      await meet(stage.world, { ...fault, on: "timestamp" });
    },
  );
});

describe.concurrent("at the limits that are the defaults, a source that", () => {
  const DEFAULTS = { connectTimeout: 5_000, responseTimeout: 9_000, stallTimeout: 10_000, minRate: 1_024 };
  /** The most that any of them may cost, in ms; a busy machine is given twice that. */
  const LOST = 15_000;

  const slow: Fault[] = [
    { name: "accepts and never answers", code: "RESPONSE_TIMEOUT" },
    {
      name: "stalls half way",
      code: "STALLED",
      answer: (socket) => {
        socket.write(head(200, `content-length: ${OBJECT.length}`));
        socket.write(OBJECT.subarray(0, OBJECT.length / 2));
      },
    },
    {
      name: "sends one byte a second",
      code: "TOO_SLOW",
      answer: (socket) => {
        socket.write(head(200, `content-length: ${OBJECT.length}`));
        return writeForEver(socket, () => "x", 1_000);
      },
    },
  ];

  test.for(slow)("$name costs seconds: $code", async (fault) => {
    // Silence proves nothing yet where the connection happens to be one that was kept.
    const tries = fault.code === "RESPONSE_TIMEOUT" ? {} : { tries: 1 };
    const { attempt } = await meet(stage.world, { ...fault, on: "object", ...tries, http: DEFAULTS });
    expect(attempt.ms).toBeLessThan(2 * LOST);
  });
});
