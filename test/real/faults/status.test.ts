import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { ErrorCode } from "../../../src/errors.ts";
import { sharedWorld } from "../../support/world.ts";
import { type Fault, head, meet, OBJECT } from "./meet.ts";

const stage = sharedWorld();

/** An answer of its own, with headers and a body of the right length. */
function answering(status: number, body: string | Buffer, ...headers: string[]): Fault["answer"] {
  const length = Buffer.byteLength(body);
  return (socket) => {
    socket.write(head(status, `content-length: ${length}`, ...headers));
    socket.write(body);
  };
}

const PAGE = "<!doctype html><title>Sign in to the network</title><form><input name=user></form>";

/** Statuses and what they mean, with how often the same request is made. */
const statuses: [status: number, code: ErrorCode, tries: number][] = [
  [201, "HTTP_STATUS", 1],
  [204, "HTTP_STATUS", 1],
  [206, "HTTP_STATUS", 1],
  [304, "HTTP_STATUS", 1],
  [400, "HTTP_STATUS", 1],
  [401, "HTTP_FORBIDDEN", 1],
  [403, "HTTP_FORBIDDEN", 1],
  [404, "HTTP_NOT_FOUND", 1],
  [407, "HTTP_FORBIDDEN", 1],
  [410, "HTTP_NOT_FOUND", 1],
  [416, "HTTP_STATUS", 1],
  [418, "HTTP_STATUS", 1],
  [429, "SOURCE_BUSY", 1],
  [500, "HTTP_SERVER_ERROR", 2],
  [501, "HTTP_SERVER_ERROR", 2],
  [502, "HTTP_SERVER_ERROR", 2],
  [503, "SOURCE_BUSY", 1],
  [504, "HTTP_SERVER_ERROR", 2],
  [599, "HTTP_SERVER_ERROR", 2],
];

const withoutBody = [204, 304];

const retryAfter: [what: string, header: string, said: RegExp][] = [
  ["in seconds", "120", /for 120 s/],
  ["as a date", "Fri, 31 Dec 9999 23:59:59 GMT", /for 3600 s/],
  ["as a date long past", "Wed, 21 Oct 2015 07:28:00 GMT", /for 1 s/],
  ["as a negative number", "-5", /for 1 s/],
  ["enormous", "99999999999999999999", /for 3600 s/],
  ["as garbage", "soon", /answered \d+ \(SOURCE_BUSY\)$/m],
  ["as nothing", "", /answered \d+ \(SOURCE_BUSY\)$/m],
];

describe.concurrent("a source that", () => {
  test.for(statuses)("answers %i to everything is passed over: %s", async ([status, code, tries]) => {
    const body = withoutBody.includes(status) ? "" : PAGE;
    await meet(stage.world, { name: `${status}`, code, on: "all", tries, answer: answering(status, body) });
  });

  test.for(statuses)("answers %i for an object is passed over: %s", async ([status, code, tries]) => {
    const body = withoutBody.includes(status) ? "" : OBJECT;
    await meet(stage.world, {
      name: `${status}`,
      code,
      on: "object",
      tries,
      answer: answering(status, body),
    });
  });

  test.for([429, 503].flatMap((status) => retryAfter.map((each) => [status, ...each] as const)))(
    "answers %i with Retry-After %s is left at once, and said for how long it is busy",
    async ([status, , header, said]) => {
      const answer = answering(status, "busy", `retry-after: ${header}`);
      const { lines } = await meet(stage.world, {
        name: header,
        code: "SOURCE_BUSY",
        on: "timestamp",
        tries: 1,
        answer,
      });
      expect(lines.map(({ message }) => message).join("\n")).toMatch(said);
    },
  );

  test.for([401, 407])("asks for credentials with %i is given none", async (status) => {
    const challenge = status === 401 ? "www-authenticate" : "proxy-authenticate";
    const headers: Record<string, string>[] = [];
    await meet(stage.world, {
      name: `${status}`,
      code: "HTTP_FORBIDDEN",
      on: "timestamp",
      tries: 1,
      answer: (socket, request) => {
        headers.push(request.headers);
        return answering(status, "who are you", `${challenge}: Basic realm="x"`)?.(socket, request);
      },
    });
    const names = headers.flatMap((each) => Object.keys(each));
    expect(names).toContain("user-agent");
    expect(names).not.toContain("authorization");
    expect(names).not.toContain("proxy-authorization");
    expect(names).not.toContain("cookie");
  });
});

/** Answers with 200 that are not what was asked for. */
const pages: Fault[] = [
  { name: "a captive portal's page", code: "METADATA_MALFORMED", on: "all", answer: answering(200, PAGE) },
  {
    name: "a captive portal's page for the timestamp",
    code: "METADATA_MALFORMED",
    on: "timestamp",
    answer: answering(200, PAGE),
  },
  {
    name: "a captive portal's page for an object",
    code: "LENGTH_MISMATCH",
    on: "object",
    answer: answering(200, PAGE),
  },
  {
    name: "a captive portal's page of the object's length",
    code: "HASH_MISMATCH",
    on: "object",
    answer: answering(200, PAGE.padEnd(OBJECT.length)),
  },
  { name: "nothing for everything", code: "METADATA_MALFORMED", on: "all", answer: answering(200, "") },
  {
    name: "nothing for the timestamp",
    code: "METADATA_MALFORMED",
    on: "timestamp",
    answer: answering(200, ""),
  },
  {
    name: "JSON that is none of TUF's",
    code: "METADATA_MALFORMED",
    on: "all",
    answer: answering(200, "[{}]"),
  },
  { name: "the JSON null", code: "METADATA_MALFORMED", on: "all", answer: answering(200, "null") },
  {
    name: "JSON that nests deeper than any parser likes",
    code: "METADATA_MALFORMED",
    on: "timestamp",
    answer: answering(200, "[".repeat(4_000)),
  },
  {
    name: "a timestamp with a __proto__",
    code: "METADATA_MALFORMED",
    on: "timestamp",
    answer: answering(200, '{"__proto__":{"signed":{"_type":"timestamp"}},"signatures":[]}'),
  },
  {
    name: "bytes that are no UTF-8",
    code: "METADATA_MALFORMED",
    on: "timestamp",
    answer: answering(200, Buffer.from("fffe7b0022007d00", "hex")),
  },
];

const encodings = [
  "gzip",
  "br",
  "deflate",
  "zstd",
  "x-unknown",
  "identity, gzip",
  Array(20).fill("gzip").join(", "),
];

/** Bodies that are encoded indeed, honestly and not: nothing of them is ever decoded. */
const encoded: Fault[] = [
  { name: "a whole gzip", body: gzipSync(OBJECT), times: 1 },
  { name: "a truncated gzip", body: gzipSync(OBJECT).subarray(0, -20), times: 1 },
  { name: "a garbage gzip", body: Buffer.concat([gzipSync(OBJECT).subarray(0, 10), OBJECT]), times: 1 },
  { name: "a gzip bomb of 256 MiB", body: gzipSync(Buffer.alloc(1 << 28)), times: 1 },
  { name: "a gzip in a gzip, twenty times", body: nested(20), times: 20 },
].map(({ name, body, times }) => ({
  name,
  code: "ENCODING_REFUSED",
  answer: answering(200, body, ...Array(times).fill("content-encoding: gzip")),
}));

function nested(times: number): Buffer {
  return times === 0 ? OBJECT : gzipSync(nested(times - 1));
}

describe.concurrent("a source that", () => {
  test.for(pages)("sends $name is passed over: $code", async (fault) => {
    await meet(stage.world, { ...fault, tries: 1 });
  });

  test.for(encodings)("encodes what it sends as %s is passed over", async (encoding) => {
    const answer = answering(200, OBJECT, `content-encoding: ${encoding}`);
    await meet(stage.world, { name: encoding, code: "ENCODING_REFUSED", on: "object", tries: 1, answer });
    await meet(stage.world, { name: encoding, code: "ENCODING_REFUSED", on: "timestamp", tries: 1, answer });
  });

  test.for(encoded)("sends $name is passed over unread: $code", async (fault) => {
    const { written } = await meet(stage.world, { ...fault, on: "object", tries: 1 });
    expect(written).toBeLessThan(1_000_000);
    await meet(stage.world, { ...fault, on: "timestamp", tries: 1 });
  });

  test("says that gzip is how it transfers is not believed to send an object", async () => {
    const whole = gzipSync(OBJECT);
    const chunk = [`${whole.length.toString(16)}\r\n`, whole, "\r\n0\r\n\r\n"].map((each) =>
      Buffer.from(each),
    );
    await meet(stage.world, {
      name: "transfer-encoding",
      code: "LENGTH_MISMATCH",
      on: "object",
      tries: 1,
      answer: (socket) => {
        socket.write(head(200, "transfer-encoding: gzip, chunked"));
        socket.write(Buffer.concat(chunk));
      },
    });
  });

  test("is asked for everything as it is, unencoded", async () => {
    const asked: (string | undefined)[] = [];
    await meet(stage.world, {
      name: "asked",
      code: "HTTP_NOT_FOUND",
      on: "all",
      answer: (socket, request) => {
        asked.push(request.headers["accept-encoding"]);
        return answering(404, "")?.(socket, request);
      },
    });
    expect(new Set(asked)).toEqual(new Set(["identity"]));
  });
});
