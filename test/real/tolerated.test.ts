import { promises as fs } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { honestly, type RawAnswer, type RawRequest, startRawServer } from "../support/rawServer.ts";
import { replyTo, startSource } from "../support/source.ts";
import {
  expectInstalled,
  expectTidy,
  makeAgent,
  objectOf,
  payload,
  runUpdate,
  SMALL,
  sharedWorld,
} from "../support/world.ts";
import { head } from "./faults/meet.ts";

const stage = sharedWorld();

/** Whether a request is for the object of which an earlier run left a part. */
const isObject = ({ path: asked }: RawRequest) => asked.endsWith(objectOf(2, "rules"));

/** An honest answer, framed by `frame`. */
function framed(
  frame: (status: number, body: Buffer, headers: Record<string, string>) => Buffer[],
  ranges = true,
): RawAnswer {
  return async (socket, { path: asked, headers }) => {
    const request = { path: asked, range: headers.range, ifNoneMatch: undefined };
    const reply = await replyTo(stage.world.www(2), { ranges }, request);
    for (const piece of frame(reply.status, reply.body, reply.headers)) socket.write(piece);
  };
}

const text = (...lines: string[]) => Buffer.from(lines.join(""));
const sized = (body: Buffer) => `content-length: ${body.length}`;

/** Habits of sources that are no fault: each of these delivers. */
const habits: { name: string; answer: RawAnswer; partial?: number }[] = [
  {
    name: "says how long nothing is, and closes after each answer",
    answer: async (socket, request) => {
      const send = framed((status, body) => [text(head(status)), body]);
      await send(socket, request);
      socket.end();
    },
  },
  {
    name: "sends everything in chunks of 1,000 bytes",
    answer: framed((status, body) => {
      const chunks = Array.from({ length: Math.ceil(body.length / 1_000) }, (_, index) => {
        const data = body.subarray(index * 1_000, (index + 1) * 1_000);
        return Buffer.concat([text(`${data.length.toString(16)};x=y\r\n`), data, text("\r\n")]);
      });
      return [text(head(status, "transfer-encoding: chunked")), ...chunks, text("0\r\nx-trailer: 1\r\n\r\n")];
    }),
  },
  {
    name: "sends interim answers first",
    answer: framed((status, body) => [
      text("HTTP/1.1 102 Processing\r\n\r\n", head(103, "link: </a>"), head(status, sized(body))),
      body,
    ]),
  },
  {
    name: "says that it did not encode anything",
    answer: framed((status, body) => [text(head(status, sized(body), "content-encoding: Identity")), body]),
  },
  {
    name: "has 500 headers of its own",
    answer: framed((status, body) => [text(head(status, sized(body), ...Array(500).fill("x-own: 1"))), body]),
  },
  {
    name: "speaks HTTP/1.0",
    answer: async (socket, request) => {
      const send = framed((status, body) => [text(head(status).replace("1.1", "1.0")), body]);
      await send(socket, request);
      socket.end();
    },
  },
  {
    name: "glues a second answer on to each",
    answer: framed((status, body) => [
      Buffer.concat([
        text(head(status, sized(body))),
        body,
        text(head(200, "content-length: 5"), "wrong", head(200, "content-length: 5"), "wrong"),
      ]),
    ]),
  },
  {
    name: "closes each connection after its answer without a word",
    answer: framed((status, body) => [Buffer.concat([text(head(status, sized(body))), body])]),
  },
  {
    name: "knows no ranges and sends the whole",
    partial: 20_000,
    answer: framed((status, body) => [text(head(status, sized(body))), body], false),
  },
  {
    name: "says 416 to the range of a partial file",
    partial: 20_000,
    answer: (socket, request) => {
      const refused = request.headers.range !== undefined;
      if (refused) return socket.write(head(416, "content-range: bytes */65536", "content-length: 0"));
      return honestly(stage.world.www(2))(socket, request);
    },
  },
  {
    name: "does not say how long the object is that it continues",
    partial: 20_000,
    answer: framed((status, body, headers) => {
      const range = headers["content-range"]?.replace(/\/.*/, "/*");
      return [
        text(head(status, sized(body), ...(range === undefined ? [] : [`content-range: ${range}`]))),
        body,
      ];
    }),
  },
];

describe.concurrent("a source that", () => {
  test.for(habits)("$name delivers", async ({ name, answer, partial }) => {
    const closing = name.startsWith("closes each");
    const server = await startRawServer({
      answer: async (socket, request) => {
        const plain = partial !== undefined && !isObject(request);
        await (plain ? honestly(stage.world.www(2)) : answer)(socket, request);
        if (closing) socket.end();
      },
    });
    const agent = await makeAgent(stage.world, { sources: { odd: server.url }, installed: 1 });
    if (partial !== undefined) {
      const bytes = payload(2, "rules")["rules.dat"]?.subarray(0, partial);
      await fs.writeFile(path.join(agent.dataDir, "partial", objectOf(2, "rules")), bytes ?? "");
    }
    const { report } = await runUpdate(agent);
    expect(report.attempts).toMatchObject([{ name: "odd", outcome: "delivered" }]);
    await expectInstalled(agent, 2);
    await expectTidy(agent);
    await server.close();
  });

  test.for([1, 2, 3])(
    "redirects objects %i times, to a name of its own and to another host, delivers",
    async (hops) => {
      const elsewhere = await startSource(stage.world.www(2));
      const source = await startSource(stage.world.www(2), {
        answer: ({ url = "" }, response) => {
          if (!url.includes("/objects/") && !url.startsWith("/hop")) return false;
          const hop = Number(url.match(/^\/hop(\d)/)?.[1] ?? 0);
          const target = url.replace(/^\/hop\d/, "");
          const location = hop + 1 < hops ? `/hop${hop + 1}${target}` : `${elsewhere.url}${target}`;
          response.writeHead([302, 307, 308][hop] ?? 302, { location }).end("moved");
          return true;
        },
      });
      const agent = await makeAgent(stage.world, { sources: { odd: source.url } });
      const { report } = await runUpdate(agent);
      expect(report.attempts).toMatchObject([{ name: "odd", outcome: "delivered" }]);
      await expectInstalled(agent, 2);
      expect(elsewhere.requests.map(({ status }) => status)).toEqual([200, 200]);
      await Promise.all([source.close(), elsewhere.close()]);
    },
  );

  test("redirects the rest of a partial object is asked for that rest where it leads", async () => {
    const elsewhere = await startSource(stage.world.www(2));
    const source = await startSource(stage.world.www(2), {
      answer: ({ url = "" }, response) => {
        if (!url.includes("/objects/")) return false;
        response.writeHead(302, { location: `${elsewhere.url}${url}` }).end();
        return true;
      },
    });
    const agent = await makeAgent(stage.world, { sources: { odd: source.url }, installed: 1 });
    const bytes = payload(2, "rules")["rules.dat"]?.subarray(0, 20_000) ?? "";
    await fs.writeFile(path.join(agent.dataDir, "partial", objectOf(2, "rules")), bytes);
    await runUpdate(agent);
    await expectInstalled(agent, 2);
    const [asked] = elsewhere.requests.filter((request) => request.path.endsWith(objectOf(2, "rules")));
    expect(asked).toMatchObject({ range: "bytes=20000-", status: 206, bytes: SMALL - 20_000 });
    await Promise.all([source.close(), elsewhere.close()]);
  });
});

describe("a source with ETags", () => {
  test("is asked with If-None-Match, and its 304 means that nothing is new", async () => {
    const source = await startSource(stage.world.www(1), { etags: true });
    const agent = await makeAgent(stage.world, { sources: { tagged: source.url } });
    expect((await runUpdate(agent)).report.outcome).toBe("updated");
    const second = await runUpdate(agent);
    expect(second.report).toMatchObject({ outcome: "current", exitCode: 0, generation: 1 });
    const timestamps = source.requests.filter((request) => request.path.endsWith("timestamp.json"));
    expect(timestamps.map(({ status }) => status)).toEqual([200, 304]);
    source.root = stage.world.www(2);
    expect((await runUpdate(agent)).report.outcome).toBe("updated");
    await expectInstalled(agent, 2);
    await source.close();
  });

  test("of second and length, is not taken at its word for a timestamp of this very second", async () => {
    const ifNoneMatch: (string | undefined)[] = [];
    let modified = Date.now();
    const source = await startSource(stage.world.www(1), {
      answer: ({ url = "", headers }, response) => {
        if (!url.startsWith("/content/metadata/timestamp.json")) return false;
        ifNoneMatch.push(headers["if-none-match"]);
        response.setHeader("etag", '"5f-200"');
        response.setHeader("last-modified", new Date(modified).toUTCString());
        response.setHeader("date", new Date(Math.max(modified, Date.now())).toUTCString());
        if (headers["if-none-match"] === undefined) return false;
        response.writeHead(304).end();
        return true;
      },
    });
    const agent = await makeAgent(stage.world, { sources: { tagged: source.url } });
    await runUpdate(agent);
    // Another publication in the same second, of the same length.
    source.root = stage.world.www(2);
    modified -= 10_000;
    expect((await runUpdate(agent)).report.outcome).toBe("updated");
    await expectInstalled(agent, 2);
    expect((await runUpdate(agent)).report.outcome).toBe("current");
    expect(ifNoneMatch).toEqual([undefined, undefined, '"5f-200"']);
    await source.close();
  });

  test("is not asked with the ETag of another source", async () => {
    const first = await startSource(stage.world.www(1), { etags: true });
    const second = await startSource(stage.world.www(1), { etags: true });
    const agent = await makeAgent(stage.world, { sources: { first: first.url, second: second.url } });
    await runUpdate(agent);
    await first.close();
    const { report } = await runUpdate(agent);
    expect(report.attempts.map(({ code, outcome }) => code ?? outcome)).toEqual([
      "CONNECTION_REFUSED",
      "current",
    ]);
    expect(second.requests.every(({ ifNoneMatch }) => ifNoneMatch === undefined)).toBe(true);
    await second.close();
  });

  test("confirms with a 304 no newer timestamp than the one that its ETag came with", async () => {
    const source = await startSource(stage.world.www(1), { etags: true });
    const agent = await makeAgent(stage.world, { sources: { tagged: source.url } });
    await runUpdate(agent);
    const state = await fs.readFile(path.join(agent.dataDir, "state.json"));
    source.root = stage.world.www(2);
    await runUpdate(agent);
    // As if that run had died after its metadata was trusted, before the state was written.
    await fs.writeFile(path.join(agent.dataDir, "state.json"), state);
    source.root = stage.world.www(1);
    const { report } = await runUpdate(agent);
    expect(report).toMatchObject({ outcome: "exhausted", attempts: [{ code: "METADATA_OLDER" }] });
    await source.close();
  });
});
