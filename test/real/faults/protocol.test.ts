import { describe, expect, test } from "vitest";
import { METADATA_LIMITS } from "../../../src/core/content/layout.ts";
import { writeForEver } from "../../support/rawServer.ts";
import { sharedWorld } from "../../support/world.ts";
import { type Fault, head, meet, OBJECT } from "./meet.ts";

const stage = sharedWorld();

const { length } = OBJECT;
const whole = `content-length: ${length}`;
const chunked = "transfer-encoding: chunked";

/** Answers to a request for an object of which the head is no HTTP that we accept. */
const heads: Fault[] = [
  ["two different lengths", head(200, whole, "content-length: 1")],
  ["the same length twice", head(200, whole, whole)],
  ["a negative length", head(200, "content-length: -1")],
  ["a length above 2^64", head(200, "content-length: 99999999999999999999999")],
  ["a length with a plus sign", head(200, "content-length: +65536")],
  ["a length in hex", head(200, "content-length: 0x10000")],
  ["a length with a fraction", head(200, "content-length: 65536.0")],
  ["two lengths in one header", head(200, `content-length: ${length}, ${length}`)],
  ["a length and chunks", head(200, whole, chunked)],
  ["a header of a megabyte", head(200, whole, `x-bomb: ${"x".repeat(1_000_000)}`)],
  ["100,000 headers", head(200, whole, ...Array.from({ length: 100_000 }, (_, index) => `x-${index}: 1`))],
  ["a NUL in a header", head(200, whole, "x-nul: a\0b")],
  ["a header without a colon", head(200, whole, "nothing at all")],
  ["a blank before the colon", head(200, "content-length : 65536")],
  ["lines that end in LF alone", head(200, whole).replaceAll("\r\n", "\n")],
  ["a folded header", head(200, whole, "x-long: a\r\n b")],
  ["no head at all (HTTP/0.9)", "<html>hello</html>"],
  ["an HTTP version of its own", head(200, whole).replace("HTTP/1.1", "HTTP/9.9")],
  ["a status of two digits", head(200, whole).replace("200", "20")],
  ["an HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ["HTTP/2 settings", Buffer.from("00001204000000000000030000006400040001000000050000400", "hex")],
  ["a TLS alert", Buffer.from("15030100020246", "hex")],
].map(
  ([name, bytes]): Fault => ({
    name: `${name}`,
    code: "HTTP_PROTOCOL",
    tries: 1,
    answer: (socket) => {
      socket.write(bytes as string | Buffer);
      socket.write(OBJECT);
    },
  }),
);

/** Bodies whose framing is broken. */
const chunks: Fault[] = [
  ["a chunk size that is no number", "zz\r\n"],
  ["a negative chunk size", "-1\r\n"],
  ["a chunk size that overflows", "ffffffffffffffffff\r\n"],
  ["a chunk longer than its size", `10\r\n${"x".repeat(40)}\r\n`],
].map(([name, bytes]) => ({
  name: `${name}`,
  code: "HTTP_PROTOCOL",
  tries: 1,
  answer: (socket) => socket.write(`${head(200, chunked)}${bytes}`),
}));

/** Lengths that are proper HTTP, and not the signed one. */
const lengths: Fault[] = [
  {
    name: "announces a byte too few",
    code: "LENGTH_MISMATCH",
    tries: 1,
    answer: (socket) => socket.write(head(200, `content-length: ${length - 1}`) + "x".repeat(length - 1)),
  },
  {
    name: "announces a byte too many",
    code: "LENGTH_MISMATCH",
    tries: 1,
    answer: (socket) => {
      socket.write(head(200, `content-length: ${length + 1}`));
      socket.write(OBJECT);
      socket.write("x");
    },
  },
  {
    name: "announces an empty object",
    code: "LENGTH_MISMATCH",
    tries: 1,
    answer: (socket) => socket.write(head(200, "content-length: 0")),
  },
  {
    name: "announces more than there is memory for",
    code: "LENGTH_MISMATCH",
    tries: 1,
    answer: (socket) => socket.write(head(200, "content-length: 9007199254740991")),
  },
  {
    name: "announces a length above 2^63",
    code: "LENGTH_MISMATCH",
    tries: 1,
    answer: (socket) => socket.write(head(200, "content-length: 9223372036854775809")),
  },
  {
    name: "sends a byte too many in chunks",
    code: "LENGTH_MISMATCH",
    tries: 1,
    answer: (socket) => {
      socket.write(`${head(200, chunked)}${(length + 1).toString(16)}\r\n`);
      socket.write(OBJECT);
      socket.write("x\r\n0\r\n\r\n");
    },
  },
  {
    name: "sends a byte too few in chunks",
    code: "TRUNCATED",
    tries: 2,
    answer: (socket) => {
      socket.write(`${head(200, chunked)}${(length - 1).toString(16)}\r\n`);
      socket.write(OBJECT.subarray(0, -1));
      socket.write("\r\n0\r\n\r\n");
    },
  },
];

/** Endless bodies, as fast as possible, in places where no length is signed. */
const floods: Fault[] = [
  {
    name: "a header",
    code: "HTTP_PROTOCOL",
    answer: (socket) => {
      socket.write("HTTP/1.1 200 OK\r\nx-bomb: ");
      return writeForEver(socket, () => "x".repeat(16_384), 0);
    },
  },
  {
    name: "headers",
    code: "HTTP_PROTOCOL",
    answer: (socket) => {
      socket.write("HTTP/1.1 200 OK\r\n");
      return writeForEver(socket, () => "x-more: yes\r\n".repeat(1_000), 0);
    },
  },
  {
    name: "interim answers",
    code: "RESPONSE_TIMEOUT",
    hasty: true,
    answer: (socket) => writeForEver(socket, () => head(103, "link: </a>").repeat(100), 1),
  },
  {
    name: "an extension of a chunk",
    code: "HTTP_PROTOCOL",
    answer: (socket) => {
      socket.write(`${head(200, chunked)}10;`);
      return writeForEver(socket, () => "x".repeat(16_384), 0);
    },
  },
  {
    name: "trailers",
    code: "HTTP_PROTOCOL",
    answer: (socket) => {
      socket.write(`${head(200, chunked)}10\r\n${"x".repeat(16)}\r\n0\r\n`);
      return writeForEver(socket, () => "x-more: yes\r\n".repeat(1_000), 0);
    },
  },
  {
    name: "a page that says 404",
    code: "HTTP_NOT_FOUND",
    answer: (socket) => {
      socket.write(head(404));
      return writeForEver(socket, () => "x".repeat(16_384), 0);
    },
  },
  {
    name: "a page that says 302",
    code: "REDIRECT_REFUSED",
    answer: (socket) => {
      socket.write(head(302));
      return writeForEver(socket, () => "x".repeat(16_384), 0);
    },
  },
];

const endless = (how: string): Fault["answer"] => {
  const piece = Buffer.alloc(16_384, "x");
  return (socket) => {
    socket.write(head(200, ...(how === "chunks" ? [chunked] : [])));
    const framed = Buffer.concat([Buffer.from("4000\r\n"), piece, Buffer.from("\r\n")]);
    return writeForEver(socket, () => (how === "chunks" ? framed : piece), 1);
  };
};

describe.concurrent("a source that", () => {
  test.for(heads)("answers with $name is passed over: $code", async (fault) => {
    await meet(stage.world, { ...fault, on: "object" });
  });

  test.for(heads)("answers every request with $name is passed over: $code", async (fault) => {
    await meet(stage.world, { ...fault, on: "all" });
  });

  test.for(chunks)("sends $name is passed over: $code", async (fault) => {
    await meet(stage.world, { ...fault, on: "object" });
  });

  test.for(floods)("sends $name without end for an object is passed over: $code", async (fault) => {
    const { written } = await meet(stage.world, { ...fault, on: "object", tries: 1 });
    expect(written).toBeLessThan(20_000_000);
  });

  test.for(floods.filter(({ code }) => code !== "HTTP_NOT_FOUND"))(
    "sends $name without end for everything is passed over: $code",
    async (fault) => {
      const { written } = await meet(stage.world, { ...fault, on: "all" });
      expect(written).toBeLessThan(20_000_000);
    },
  );

  test.for(lengths)("$name is passed over: $code", async (fault) => {
    await meet(stage.world, { ...fault, on: "object" });
  });

  test.for(["a body", "chunks"])(
    "sends %s without end for an object is cut off at its length",
    async (how) => {
      const answer = endless(how) ?? (() => {});
      const { attempt } = await meet(stage.world, {
        name: how,
        code: "LENGTH_MISMATCH",
        on: "object",
        tries: 1,
        answer,
      });
      // Bytes under way in the network when the connection was cut have come too.
      expect(attempt.bytes).toBeLessThan(length * 4);
    },
  );

  test.for(["a body", "chunks"])(
    "sends %s without end for the timestamp is cut off at its limit",
    async (how) => {
      const answer = endless(how) ?? (() => {});
      const { written } = await meet(stage.world, {
        name: how,
        code: "METADATA_TOO_LARGE",
        on: "timestamp",
        tries: 1,
        answer,
      });
      expect(written).toBeGreaterThan(METADATA_LIMITS.timestamp);
      expect(written).toBeLessThan(10_000_000);
    },
  );

  test("announces a timestamp over its limit is refused unread", async () => {
    await meet(stage.world, {
      name: "announced",
      code: "METADATA_TOO_LARGE",
      on: "timestamp",
      tries: 1,
      answer: (socket) => socket.write(head(200, `content-length: ${METADATA_LIMITS.timestamp + 1}`)),
      hasty: true,
    });
  });
});
