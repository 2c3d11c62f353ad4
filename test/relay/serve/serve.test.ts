import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ask, objectUrl, startTestRelay, type TestRelay, talk } from "../../support/relay.ts";
import { startSource, type TestSource } from "../../support/source.ts";
import {
  expectInstalled,
  expectTidy,
  LARGE,
  makeAgent,
  makeWorld,
  objectOf,
  payload,
  readTree,
  runUpdate,
  type World,
} from "../../support/world.ts";

let world: World;
let origin: TestSource;
let relay: TestRelay;

beforeAll(async () => {
  world = await makeWorld({ large: true });
  origin = await startSource(world.www(2), { etags: true });
  relay = await startTestRelay(world, { upstream: origin.url });
  await relay.relay.refresh();
});
afterAll(async () => {
  await relay.close();
  await origin.close();
  await world.remove();
});

describe("an Update Agent", () => {
  test("updates an endpoint, and the source above it is not asked for objects again", async () => {
    const before = origin.objects().length;
    const agent = await makeAgent(world, { sources: { near: relay.url }, components: ["rules", "pattern"] });
    const { report } = await runUpdate(agent);
    expect(report).toMatchObject({ outcome: "updated", attempts: [{ outcome: "delivered" }] });
    await expectInstalled(agent, 2, ["rules", "pattern"]);
    await expectTidy(agent);
    expect(origin.objects().length).toBe(before);
  });

  test("serves every file of the tree that it was granted, to the byte, and of the older releases too", async () => {
    const tree = await readTree(world.www(2));
    const served: string[] = [];
    for (const [path, bytes] of Object.entries(tree)) {
      const answer = await ask(relay.url, `/${path}`);
      if (answer.status === 404) continue;
      expect([path, answer.status, answer.body.equals(bytes)]).toEqual([path, 200, true]);
      served.push(path);
    }
    const left = Object.keys(tree).filter((path) => !served.includes(path));
    expect(left.filter((path) => !isUnnamed(path))).toEqual([]);
    expect(served).toContain("content/metadata/timestamp.json");
    expect(served).toContain(objectUrl(objectOf(1, "pattern")).slice(1));
  });
});

/** Whether a file of the tree is not one that the newest timestamp leads to for `components`. */
function isUnnamed(path: string): boolean {
  return !path.startsWith("content/objects/") && !path.endsWith("timestamp.json");
}

describe("what an Update Agent answers", () => {
  const timestamp = "/content/metadata/timestamp.json";
  const large = () => objectUrl(objectOf(2, "pattern"));

  test("says of names that never change that they do not, and of the timestamp that it may", async () => {
    const lasting = await ask(relay.url, large(), { method: "HEAD" });
    expect(lasting.headers).toMatchObject({
      "cache-control": "public, max-age=31536000, immutable",
      "accept-ranges": "bytes",
      etag: `"${objectOf(2, "pattern")}"`,
      "content-length": String(LARGE),
    });
    expect(lasting.body.length).toBe(0);
    const newest = await ask(relay.url, timestamp);
    expect(newest.headers["cache-control"]).toBe("no-cache");
    expect(Number(newest.headers.age)).toBeLessThan(60);
    expect(newest.headers.etag).toMatch(/^"[0-9a-f]{64}"$/);
  });

  test("is 304 for what the client has", async () => {
    const { headers } = await ask(relay.url, timestamp);
    for (const [path, etag = ""] of [
      [timestamp, headers.etag],
      [large(), `"${objectOf(2, "pattern")}"`],
    ] as const) {
      const again = await ask(relay.url, path, { headers: { "if-none-match": etag } });
      expect([again.status, again.body.length, again.headers.etag]).toEqual([304, 0, etag]);
    }
  });

  const bytes = payload(2, "pattern")["pattern.bin"] ?? Buffer.alloc(0);

  test.for([
    ["its middle", "bytes=262100-262200", 206, 262_100, 262_201],
    ["its end", "bytes=-7", 206, LARGE - 7, LARGE],
    ["all but its beginning", "bytes=4194303-", 206, 4_194_303, LARGE],
    ["overlapping parts", "bytes=0-10,5-20,0-", 200, 0, LARGE],
    [
      "a hundred parts",
      `bytes=${Array.from({ length: 100 }, (_, at) => `${at}-${at}`).join(",")}`,
      200,
      0,
      LARGE,
    ],
  ] as const)("H5: %s of an object", async ([, range, status, from, to]) => {
    const answer = await ask(relay.url, large(), { headers: { range } });
    expect([answer.status, answer.body.equals(bytes.subarray(from, to))]).toEqual([status, true]);
    if (status === 206) expect(answer.headers["content-range"]).toBe(`bytes ${from}-${to - 1}/${LARGE}`);
  });

  test("H5: a range past the end is 416 with the length, and thousands of ranges no answer at all", async () => {
    const past = await ask(relay.url, large(), { headers: { range: `bytes=${LARGE}-` } });
    expect([past.status, past.headers["content-range"], past.body.length]).toEqual([
      416,
      `bytes */${LARGE}`,
      0,
    ]);
    const many = Array.from({ length: 5_000 }, (_, at) => `${at}-`).join(",");
    const thousands = `GET ${large()} HTTP/1.1\r\nHost: a\r\nRange: bytes=${many}\r\n\r\n`;
    expect(await talk(relay.port, thousands)).toBe("");
  });

  test("H5: If-Range continues what it names, and begins revalidate what it does not", async () => {
    const part = (ifRange: string) =>
      ask(relay.url, large(), { headers: { range: "bytes=5-9", "if-range": ifRange } });
    expect((await part(`"${objectOf(2, "pattern")}"`)).body.length).toBe(5);
    expect((await part('"another"')).body.length).toBe(LARGE);
  });

  test.for([
    "/",
    "/content",
    "/content/metadata/",
    "/content/objects/",
    "/content/metadata/../metadata/timestamp.json",
    "/content/metadata/%74imestamp.json",
    "//content/metadata/timestamp.json",
    "/content/metadata/timestamp.json/",
    "/content/metadata/timestamp.json?a=b",
    "/content/metadata/timestamp.json%00",
    "/../../../../etc/passwd",
    "/content/objects/../../../../../etc/passwd",
    "/content/objects/%2e%2e/%2e%2e/state.json",
    "/..%5c..%5cstate.json",
    "/relay/lock",
    "/__proto__",
    "/constructor",
    "http://127.0.0.1/content/metadata/timestamp.json",
    "http://example.com/",
    "https://user:secret@example.com/",
    "file:///etc/passwd",
    "*",
  ])("H1: to %s is 404 without a body", async (path) => {
    const answer = await ask(relay.url, path);
    expect([answer.status, answer.body.length]).toEqual([404, 0]);
  });

  test.for(["TRACE", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"])(
    "H1: to %s is 405 with what is allowed, and 404 for what is not there",
    async (method) => {
      const answer = await ask(relay.url, timestamp, { method });
      expect([answer.status, answer.headers.allow, answer.body.length]).toEqual([405, "GET, HEAD", 0]);
      expect((await ask(relay.url, "/elsewhere", { method })).status).toBe(404);
    },
  );

  test("H1: to CONNECT is nothing, and nobody is connected to", async () => {
    const before = origin.requests.length;
    expect(
      await talk(
        relay.port,
        `CONNECT 127.0.0.1:${origin.port} HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\n\r\n`,
      ),
    ).toBe("");
    expect(origin.requests.length).toBe(before);
  });

  test.for([
    ["a method nobody knows", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["two lengths", `GET ${timestamp} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n`],
    [
      "a length and chunks",
      `GET ${timestamp} HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
    ],
    ["HTTP/2 without asking", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ] as const)("H1: to %s there is no answer but the end of the connection", async ([, request]) => {
    expect(await talk(relay.port, request)).toBe("");
  });

  test("H1: to no host is 400 and the end of the connection", async () => {
    expect(await talk(relay.port, `GET ${timestamp} HTTP/1.1\r\n\r\n`)).toMatch(/^HTTP\/1\.1 400 /);
  });

  test("H1: to HTTP/1.0 is the file, and the end of the connection", async () => {
    const answer = await talk(relay.port, `GET ${timestamp} HTTP/1.0\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(answer.endsWith((await ask(relay.url, timestamp)).body.toString())).toBe(true);
  });

  test("H1: to a request behind a body that nobody reads is nothing: the connection ends before it", async () => {
    const hidden = `GET ${timestamp} HTTP/1.1\r\nHost: b\r\n\r\n`;
    const first = `GET /nothing HTTP/1.1\r\nHost: a\r\nContent-Length: ${hidden.length}\r\n\r\n`;
    const answer = await talk(relay.port, first + hidden);
    expect(answer.match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 404"]);
  });

  test("is nothing of what was not granted", async () => {
    const { headers } = await ask(relay.url, "/settings/metadata/timestamp.json");
    expect(headers["content-length"]).toBe("0");
    relay.relay.grant([]);
    expect((await ask(relay.url, timestamp)).status).toBe(404);
    expect(relay.relay.health()).toMatchObject({ serving: false, reason: "the role is not granted" });
    relay.relay.grant(["components"]);
    await relay.relay.refresh();
    expect((await ask(relay.url, timestamp)).status).toBe(200);
  });
});

test("what an Update Agent tells monitors is OpenMetrics, and its health says what it holds", async () => {
  const { contentType, body } = await relay.relay.metrics();
  expect(contentType).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
  expect(body).toMatch(/^nearsource_relay_transfers_total\{outcome="complete"\} [1-9]/m);
  expect(body).toMatch(/^nearsource_relay_lag_seconds\{repository="content"\} \d/m);
  expect(body).toMatch(/^nearsource_relay_free_bytes \d/m);
  expect(body.endsWith("# EOF\n")).toBe(true);
  const health = relay.relay.health();
  expect(health).toMatchObject({ serving: true, kinds: ["components"], missing: 0, transfers: 0 });
  expect(health.repositories.content?.version).toBeGreaterThan(0);
});
