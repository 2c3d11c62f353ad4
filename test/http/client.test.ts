import { once } from "node:events";
import http, { type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, LookupFunction } from "node:net";
import os from "node:os";
import { describe, expect, onTestFinished, test } from "vitest";
import { parseAddress, privacyOf } from "../../src/core/order/address.ts";
import { createResolver, toLookup } from "../../src/dns/resolver.ts";
import { NearsourceError } from "../../src/errors.ts";
import { readWhole } from "../../src/http/body.ts";
import { createFetcher, type HttpOptions } from "../../src/http/client.ts";
import type { Response } from "../../src/http/fetcher.ts";
import { collectSpentBuffers } from "../../src/http/spentBuffers.ts";

const HOUR = 3_600_000;
/** Nothing here is to wait for a limit: a test that does would take an hour. */
const PATIENT = { connectTimeout: HOUR, responseTimeout: HOUR, stallTimeout: HOUR, minRate: 1 };

const literal = toLookup(createResolver({ servers: [], hostsFile: "/nowhere" }));

function fetcher(options: Partial<HttpOptions> = {}, lookup: LookupFunction = literal) {
  const made = createFetcher({ ...PATIENT, ...options }, lookup);
  onTestFinished(() => made.close());
  return made;
}

/** A server that answers with `answer`; counts connections and knows the requests that came. */
async function serve(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  host = "127.0.0.1",
) {
  const requests: IncomingMessage[] = [];
  let connections = 0;
  const server = http.createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  server.on("connection", () => {
    connections += 1;
  });
  // The client closes a kept connection here.
  server.keepAliveTimeout = HOUR;
  server.listen(0, host);
  await once(server, "listening");
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  const { port } = server.address() as AddressInfo;
  const name = host.includes(":") ? `[${host}]` : host;
  return { url: `http://${name}:${port}`, port, requests, connections: () => connections };
}

async function text(response: Response): Promise<string> {
  return (await readWhole(response, 1_000_000)).toString();
}

describe("a request", () => {
  test("asks for the bytes as they are, says who asks, and carries nothing else", async () => {
    const server = await serve((_, response) => response.end("hello"));
    const response = await fetcher().get(`${server.url}/x`, { headers: { range: "bytes=1-" } });
    expect(await text(response)).toBe("hello");
    expect(response).toMatchObject({ status: 200, address: "127.0.0.1" });
    expect(server.requests[0]?.headers).toEqual({
      "user-agent": expect.stringMatching(/^nearsource\/\d/),
      "accept-encoding": "identity",
      range: "bytes=1-",
      host: `127.0.0.1:${server.port}`,
      connection: "keep-alive",
    });
  });

  test("uses the connection of the one before", async () => {
    const server = await serve((_, response) => response.end("hello"));
    const { get } = fetcher();
    for (let turn = 0; turn < 5; turn++) await text(await get(server.url));
    expect(server.connections()).toBe(1);
  });

  test("uses it also after an answer that was not wanted, if that is short", async () => {
    const server = await serve((_, response) => response.writeHead(404).end("not found ".repeat(100)));
    const { get } = fetcher();
    for (let turn = 0; turn < 5; turn++)
      await expect(get(server.url)).rejects.toMatchObject({ code: "HTTP_NOT_FOUND" });
    expect(server.connections()).toBe(1);
  });

  test("does not read a long answer that was not wanted", async () => {
    const server = await serve((_, response) => response.writeHead(404).end(Buffer.alloc(50_000_000)));
    const { get } = fetcher();
    for (let turn = 0; turn < 3; turn++)
      await expect(get(server.url)).rejects.toMatchObject({ code: "HTTP_NOT_FOUND" });
    expect(server.connections()).toBe(3);
  });

  test("does not wait for the body of an answer that was not wanted", async () => {
    const server = await serve((request, response) => {
      const redirect = request.url === "/redirect" ? { location: "/" } : {};
      response.writeHead(request.url === "/redirect" ? 302 : 404, { "content-length": 1_000, ...redirect });
      response.write("x");
    });
    const { get } = fetcher();
    await expect(get(server.url)).rejects.toMatchObject({ code: "HTTP_NOT_FOUND" });
    await expect(get(`${server.url}/redirect`, { redirects: true })).rejects.toMatchObject({
      code: "HTTP_NOT_FOUND",
    });
  });

  test("is made once more when the connection that was kept turns out to be closed", async () => {
    let answered = 0;
    const server = await serve((request, response) => {
      answered += 1;
      // The second request of a connection meets its end.
      if (answered === 2) request.socket.destroy();
      else response.end(`answer ${answered}`);
    });
    const { get } = fetcher();
    expect(await text(await get(server.url))).toBe("answer 1");
    expect(await text(await get(server.url))).toBe("answer 3");
    expect(server.connections()).toBe(2);
  });

  test("is made once more, over a fresh connection, when the one that was kept is silent", async () => {
    let asked = 0;
    const met = new WeakSet<object>();
    const server = await serve((request, response) => {
      asked += 1;
      // The device in between has forgotten a connection once it was used.
      if (!met.has(request.socket)) response.end(`answer ${asked}`);
      met.add(request.socket);
    });
    const { get } = fetcher();
    for (const [turn, answered] of [1, 3, 5].entries()) {
      expect(await text(await get(`${server.url}/${turn}`))).toBe(`answer ${answered}`);
      // Silence meets whoever asks next, not those that are being asked.
      await expect.poll(() => server.connections()).toBe(turn + 1);
    }
  });

  test("is made once where a kept connection brings no answer, but anything at all", async () => {
    const server = await serve((request, response) => {
      if (server.requests.length === 1) return void response.end("answer");
      // Interim answers without end: not silent, and of no use.
      const more = setInterval(() => request.socket.write("HTTP/1.1 102 Processing\r\n\r\n"), 50);
      request.socket.once("close", () => clearInterval(more));
    });
    const { get } = fetcher({ responseTimeout: 1_000 });
    await text(await get(server.url));
    await expect(get(server.url)).rejects.toMatchObject({ code: "RESPONSE_TIMEOUT" });
    expect([server.requests.length, server.connections()]).toEqual([2, 1]);
  });

  test("does not use a connection again that has been idle for some seconds", async () => {
    const closed = Promise.withResolvers<void>();
    const server = await serve((request, response) => {
      request.socket.once("close", closed.resolve);
      response.end("hello");
    });
    const { get } = fetcher();
    await text(await get(server.url));
    await closed.promise;
    await text(await get(server.url));
    expect(server.connections()).toBe(2);
  });

  test.each(["", "identity", " Identity ", "identity, identity", ","])(
    "takes an answer encoded as %j for what it is: not encoded",
    async (encoding) => {
      const server = await serve((_, response) =>
        response.writeHead(200, { "content-encoding": encoding }).end("hello"),
      );
      expect(await text(await fetcher().get(server.url))).toBe("hello");
    },
  );

  test("never goes to this very machine at the port that it serves on, by whatever name", async () => {
    const server = await serve((request, response) => {
      if (request.url === "/away")
        response.writeHead(302, { location: `http://ua.test:${server.port}/` }).end();
      else response.end("hello");
    });
    const elsewhere = await serve((_, response) =>
      response.writeHead(302, { location: `http://ua.test:${server.port}/` }).end(),
    );
    const leading: LookupFunction = (_, __, callback) =>
      callback(null, [{ address: "127.0.0.1", family: 4 }]);
    const own = fetcher({ listen: { port: server.port } }, leading);
    for (const url of [`http://ua.test:${server.port}`, `http://127.0.0.1:${server.port}`, elsewhere.url])
      await expect(own.get(url, { redirects: true })).rejects.toMatchObject({ code: "SOURCE_IS_SELF" });
    expect(server.requests).toEqual([]);
    // At another port, or listening on another address alone, it is somebody else.
    for (const listen of [
      { port: server.port + 1 },
      { port: null },
      { host: "127.0.0.2", port: server.port },
    ])
      expect(await text(await fetcher({ listen }, leading).get(`http://ua.test:${server.port}`))).toBe(
        "hello",
      );
    const named = fetcher({ listen: { host: "127.0.0.1", port: server.port } }, leading);
    await expect(named.get(server.url)).rejects.toMatchObject({ code: "SOURCE_IS_SELF" });
  });

  test("is not made again when a fresh connection is closed", async () => {
    const server = await serve((request) => request.socket.destroy());
    await expect(fetcher().get(server.url)).rejects.toMatchObject({ code: "CONNECTION_RESET" });
    expect(server.requests).toHaveLength(1);
  });
});

describe("an interruption", () => {
  const reason = new NearsourceError("INTERRUPTED", "stopped by the test");

  test("before the request makes none", async () => {
    const server = await serve((_, response) => response.end());
    await expect(fetcher().get(server.url, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(server.requests).toEqual([]);
  });

  test("before the answer ends the request", async () => {
    const abort = new AbortController();
    const server = await serve(() => abort.abort(reason));
    await expect(fetcher().get(server.url, { signal: abort.signal })).rejects.toBe(reason);
  });

  test("in the middle of the body ends it, whatever the reason is", async () => {
    const server = await serve((_, response) => response.write("begin"));
    const abort = new AbortController();
    const response = await fetcher().get(server.url, { signal: abort.signal });
    const body = response.read();
    expect(`${(await body.next()).value}`).toBe("begin");
    abort.abort("because");
    await expect(body.next()).rejects.toMatchObject({ code: "INTERRUPTED" });
  });
});

describe("a body", () => {
  test("may be exactly as long as its limit, announced or not", async () => {
    const server = await serve((request, response) => {
      if (request.url === "/announced") response.writeHead(200, { "content-length": 1_000 });
      response.write("x".repeat(500));
      response.end("x".repeat(500));
    });
    const { get } = fetcher();
    for (const url of [`${server.url}/announced`, server.url]) {
      expect(await readWhole(await get(url), 1_000)).toHaveLength(1_000);
      await expect(readWhole(await get(url), 999)).rejects.toMatchObject({ code: "METADATA_TOO_LARGE" });
    }
  });

  test("that stops coming is given up", async () => {
    const server = await serve((_, response) => response.write("begin"));
    const response = await fetcher({ stallTimeout: 50 }).get(server.url);
    await expect(text(response)).rejects.toMatchObject({ code: "STALLED" });
  });

  test("is not given up while its reader is busy for longer than the source may be silent", async () => {
    const server = await serve((_, response) => response.end("x".repeat(300_000)));
    const response = await fetcher({ stallTimeout: 300 }).get(server.url);
    let length = 0;
    for await (const piece of response.read()) {
      if (length === 0) await new Promise((resolve) => setTimeout(resolve, 500));
      length += piece.length;
    }
    expect(length).toBe(300_000);
  });

  test("that comes too slowly is given up, and how slowly is said", async () => {
    const server = await serve((_, response) => {
      const timer = setInterval(() => response.write("x"), 10);
      response.on("close", () => clearInterval(timer));
    });
    const response = await fetcher({ stallTimeout: 200, minRate: 10_000 }).get(server.url);
    await expect(text(response)).rejects.toMatchObject({
      code: "TOO_SLOW",
      message: expect.stringMatching(/sends \d+ bytes a second, less than 10000$/),
    });
  });

  test("that nobody reads any further is no longer sent", async () => {
    const closed = Promise.withResolvers<void>();
    const server = await serve((request, response) => {
      request.socket.on("close", () => closed.resolve());
      response.write("begin");
    });
    const body = (await fetcher().get(server.url)).read();
    await body.next();
    await body.return();
    await closed.promise;
  });
});

/** An address of this machine that others could reach, so that loopback is more private than it. */
const outer = Object.values(os.networkInterfaces())
  .flatMap((each) => each ?? [])
  .filter(({ internal, address }) => !internal && !address.startsWith("fe80"))
  .map(({ address }) => address)
  .find((address) => privacyOf(parseAddress(address)) < 2);

describe.skipIf(outer === undefined)("a redirect from a network", () => {
  const host = outer ?? "";
  /** Names that lead to these addresses. */
  const names: Record<string, string[]> = {
    "inside.test": ["127.0.0.1"],
    "both.test": ["127.0.0.1", host],
    "link.test": ["169.254.1.1"],
    "outside.test": [host],
  };
  const lookup: LookupFunction = (name, options, callback) => {
    const found = (names[name] ?? [name]).map((address) => ({
      address,
      family: address.includes(":") ? 6 : 4,
    }));
    const [first] = found;
    if (options.all === true) callback(null, found);
    else callback(null, first?.address ?? "", first?.family);
  };

  /** A server that redirects to `name` at its own port, where it says whom it was asked as. */
  const redirecting = (name: string) =>
    serve((request, response) => {
      const location = `http://${name}:${request.socket.localPort}/there`;
      if (request.url === "/there") response.end(`asked as ${request.headers.host?.split(":")[0]}`);
      else response.writeHead(302, { location }).end();
    }, host);

  test.for(["inside.test", "link.test"])(
    "to a name that leads to a more private one is refused: %s",
    async (name) => {
      const server = await redirecting(name);
      await expect(fetcher({}, lookup).get(server.url, { redirects: true })).rejects.toMatchObject({
        code: "ADDRESS_REFUSED",
        message: `a redirect leads to ${name}, which is in a more private network`,
      });
      expect(server.requests).toHaveLength(1);
    },
  );

  test.for(["both.test", "outside.test"])(
    "to a name goes to those of its addresses that are not: %s",
    async (name) => {
      const server = await redirecting(name);
      const response = await fetcher({}, lookup).get(server.url, { redirects: true });
      expect(await text(response)).toBe(`asked as ${name}`);
      expect(response.address).toBe(host);
    },
  );

  test("is refused also when it goes by way of the same network first", async () => {
    const server = await serve((request, response) => {
      const name = request.url === "/second" ? "inside.test" : "outside.test";
      const location = `http://${name}:${request.socket.localPort}${request.url === "/second" ? "/" : "/second"}`;
      response.writeHead(302, { location }).end();
    }, host);
    await expect(fetcher({}, lookup).get(server.url, { redirects: true })).rejects.toMatchObject({
      code: "ADDRESS_REFUSED",
    });
    expect(server.requests).toHaveLength(2);
  });
});

test("the buffers that a long body came in do not gather until the collector looks", async () => {
  collectSpentBuffers();
  const piece = Buffer.alloc(65_536, 1);
  const server = await serve(async (_, response) => {
    response.writeHead(200, { "content-length": 3_000 * piece.length });
    for (let sent = 0; sent < 3_000; sent++) if (!response.write(piece)) await once(response, "drain");
    response.end();
  });
  const response = await fetcher().get(server.url);
  const before = process.memoryUsage().arrayBuffers;
  const held: number[] = [];
  let length = 0;
  for await (const { length: more } of response.read()) {
    length += more;
    held.push(process.memoryUsage().arrayBuffers - before);
  }
  expect(length).toBe(3_000 * piece.length);
  // Bytes that this process sends count too, and wait where the machine is busy: a moment of that is no
  // gathering.
  const most = held.toSorted((one, other) => one - other)[Math.floor(held.length * 0.95)];
  expect(most).toBeLessThan(20_000_000);
});
