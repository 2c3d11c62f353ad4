import http from "node:http";
import net from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { Notifications } from "../../../src/agent/channels/notifications.ts";
import { startListener } from "../../../src/agent/channels/notifyPort.ts";
import type { Config } from "../../../src/config/configSchema.ts";
import { SILENT } from "../../../src/config/log.ts";
import type { Listener } from "../../../src/http/server.ts";
import { dataDirAt } from "../../../src/store/dataDir.ts";
import { WHOLE } from "../../support/extent.ts";
import { forged, notify, type SignedTimestamp, timestampOf } from "../../support/post.ts";
import { contentPublications, settingsPublications } from "../../support/repositories.ts";
import { closeAll, makeAgent, makeWorld, newDataDir, type World } from "../../support/world.ts";

let world: World;
const timestamps: SignedTimestamp[] = [];
beforeAll(async () => {
  world = await makeWorld();
  for (const publication of [1, 2, 3] as const) timestamps.push(await timestampOf(world.www(publication)));
});
afterAll(() => world.remove());
const open: Listener[] = [];
afterEach(() => closeAll(open));

/** A listener for a data directory, and what it held to be new. */
async function listenFor(dataDir: string, roots: Config["roots"]) {
  const runs: string[] = [];
  const notifications = new Notifications({
    dirs: dataDirAt(dataDir),
    roots: () => roots,
    now: () => Date.now(),
  });
  const receive = async (body: string) => {
    const verdict = await notifications.receive(body);
    if (verdict === "new") runs.push(body);
    return verdict;
  };
  const listener = await startListener({
    port: 0,
    log: SILENT,
    receive,
    serve: () => undefined,
    now: () => Date.now(),
  });
  open.push(listener);
  return { port: listener.port, runs, notifications };
}

/** A listener of an agent that holds the first of three publications. */
async function listenAtFirst() {
  const { dataDir } = await makeAgent(world, { sources: {}, installed: 1 });
  return await listenFor(dataDir, { content: world.root });
}

const content = (timestamp: unknown) => JSON.stringify({ content: timestamp });
const [first, second, third] = [0, 1, 2].map((index) => () => timestamps[index] as SignedTimestamp) as [
  () => SignedTimestamp,
  () => SignedTimestamp,
  () => SignedTimestamp,
];

describe("a notification", () => {
  test("of something newer is accepted: 202", async () => {
    const { port, runs } = await listenAtFirst();
    expect(await notify(port, content(second()))).toBe(202);
    expect(runs).toHaveLength(1);
  });

  test("that is replayed (G5), before its run or instead of a newer one, is nothing new: 204", async () => {
    const { port, runs } = await listenAtFirst();
    expect(await notify(port, content(third()))).toBe(202);
    expect(await notify(port, content(third()))).toBe(204);
    expect(await notify(port, content(second()))).toBe(204);
    expect(runs).toHaveLength(1);
  });

  test("that is stale (G6): of what is held, however long ago it was sent, is nothing new: 204", async () => {
    const { port, runs } = await listenAtFirst();
    expect(await notify(port, content(first()))).toBe(204);
    expect(runs).toEqual([]);
  });

  test("that is stale (G6) and has expired is refused, though nothing newer is held: 403", async () => {
    const { root, states } = await contentPublications();
    const { port } = await listenFor((await newDataDir()).root, { content: root });
    expect(await notify(port, content(await timestampOf(states.get("expired") ?? "")))).toBe(403);
    expect(await notify(port, content(await timestampOf(states.get("v1") ?? "")))).toBe(202);
  });

  test("that was altered, or signed by somebody else, is refused: 403", async () => {
    const { port, runs } = await listenAtFirst();
    const { states } = await contentPublications();
    const foreign = await timestampOf(states.get("foreign") ?? "");
    const [signature] = second().signatures;
    const bodies = [
      forged(second()),
      forged(foreign),
      { ...second(), signatures: [] },
      { ...forged(second()), signatures: [signature, signature] },
      { ...second(), signatures: [{ ...signature, sig: "00" }] },
      { signed: { ...second().signed, _type: "snapshot" }, signatures: second().signatures },
    ];
    for (const body of bodies) expect(await notify(port, content(body))).toBe(403);
    expect(await notify(port, "no notification")).toBe(403);
    expect(await notify(port, `{"content":${'{"signed":'.repeat(6_000)}`)).toBe(403);
    expect(runs).toEqual([]);
  });

  test("of settings counts by the site's keys, and one of both repositories by either", async () => {
    const { dataDir } = await makeAgent(world, { sources: {}, installed: 1 });
    const site = await settingsPublications([{ state: "s1", documents: {} }]);
    const settings = await timestampOf(site.states.get("s1") ?? "", "settings");
    const both = await listenFor(dataDir, { content: world.root, settings: site.root });
    expect(await notify(both.port, JSON.stringify({ settings: third() }))).toBe(403);
    expect(await notify(both.port, JSON.stringify({ content: first(), settings }))).toBe(202);
    const alone = await listenFor(dataDir, { content: world.root });
    expect(await notify(alone.port, JSON.stringify({ settings }))).toBe(403);
  });

  test("of more than 64 KiB is refused, whether it says so or not: 413", async () => {
    const { port } = await listenAtFirst();
    const long = " ".repeat(65_537);
    expect(await notify(port, long)).toBe(413);
    const request = http.request({ host: "127.0.0.1", port, method: "POST", path: "/v1/notify" });
    request.on("error", () => {});
    const answered = new Promise<number>((done) =>
      request.on("response", (response) => done(response.statusCode ?? 0)),
    );
    request.end(long);
    expect(await answered).toBe(413);
    expect(await notify(port, content(second()).padEnd(65_536))).toBe(202);
  });

  test("is owed until what it spoke of is held", async () => {
    const { port, notifications } = await listenAtFirst();
    expect(await notifications.owed()).toEqual({});
    await notify(port, content(second()));
    expect(await notifications.owed()).toEqual({ content: second().signed.version });
    expect(await notifications.known()).toEqual({ content: second().signed.version });
  });
});

const FORGED = WHOLE ? 20_000 : 3_000;

test("G4: of thousands of forged notices none begins a run, and a genuine one among them does", async () => {
  const { port, runs } = await listenAtFirst();
  const statuses = new Map<string, number>();
  const forger = async (count: number) => {
    for (let n = 0; n < count; n++) {
      const socket = net.connect({ host: "127.0.0.1", port, localAddress: "127.0.0.2" });
      socket.on("error", () => {});
      const body = content(forged(third(), 1_000 + n));
      socket.write(`POST /v1/notify HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      const status = (await text(socket).catch(() => "")).slice(9, 12);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  const flood = Promise.all(Array.from({ length: 50 }, () => forger(FORGED / 50)));
  expect(await notify(port, content(second()))).toBe(202);
  await flood;
  expect(runs).toHaveLength(1);
  const { 202: started, 429: unread = 0 } = Object.fromEntries(statuses);
  expect(started).toBeUndefined();
  expect(unread).toBeGreaterThan(FORGED / 2);
  expect(await notify(port, content(third()))).toBe(202);
}, 240_000);

describe("half-sent notifications", () => {
  /** Connections from 20 addresses, four from each, that send the head of a notification and a part of its body. */
  function attack(port: number) {
    const told: string[] = [];
    const sockets = Array.from({ length: 80 }, (_, n) => {
      const socket = net.connect({ host: "127.0.0.1", port, localAddress: `127.0.0.${10 + (n % 20)}` });
      socket.on("error", () => {}).setEncoding("latin1");
      socket.on("data", (answer: string) => told.push(answer));
      socket.write("POST /v1/notify HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n{");
      return socket;
    });
    onTestFinished(() => sockets.forEach((socket) => void socket.destroy()));
    const refused = async (count: number) => {
      while (told.length < count) await new Promise((later) => setTimeout(later, 10));
      return new Set(told);
    };
    return { sockets, refused };
  }

  test("from many addresses shut out nobody: the oldest give their places to who comes", async () => {
    const { port, runs } = await listenAtFirst();
    const { refused } = attack(port);
    expect(await refused(16)).toEqual(new Set(["HTTP/1.1 503 \r\n\r\n"]));
    expect(await notify(port, content(second()), { from: "127.0.0.9" })).toBe(202);
    attack(port);
    expect(await notify(port, content(third()), { from: "127.0.0.9" })).toBe(202);
    expect(await notify(port, content(third()), { from: "127.0.0.8" })).toBe(204);
    expect(runs).toHaveLength(2);
  });

  test("of those who have proven nothing never take the place of one who has", async () => {
    const { port } = await listenAtFirst();
    expect(await notify(port, content(second()), { from: "127.0.0.9" })).toBe(202);
    const body = content(third());
    const slow = net.connect({ host: "127.0.0.1", port, localAddress: "127.0.0.9" });
    const answer = text(slow);
    slow.write(`POST /v1/notify HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n{`);
    await attack(port).refused(30);
    slow.write(body.slice(1));
    expect(await answer).toMatch(/^HTTP\/1.1 202 /);
  });

  test("of one sender give way to its own newest", async () => {
    const { port } = await listenAtFirst();
    await attack(port).refused(16);
    const from = "127.0.0.29";
    expect(await notify(port, content(second()), { from })).toBe(202);
  });
});

describe("whoever asks for something else", () => {
  test("gets a status and nothing more", async () => {
    const { port } = await listenAtFirst();
    expect(await notify(port, "", { method: "GET" })).toBe(405);
    for (const path of ["/", "/v1/notify/", "/v1/notify?x", "/content/metadata/timestamp.json"]) {
      expect(await notify(port, "", { method: "GET", path })).toBe(404);
    }
  });

  test.for([
    "GET / HTTP/1.0\r\n\r\n",
    "POST /v1/notify HTTP/1.0\r\n\r\n",
    "POST /v1/notify HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
    "PUT /v1/notify HTTP/1.1\r\nHost: a\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "POST /v1/notify HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n",
    "hello\r\n\r\n",
    "\x16\x03\x01\x00\x05hello",
  ])("H9: %j is answered with no more bytes than that", async (request) => {
    const { port } = await listenAtFirst();
    const socket = net.connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write(request, "latin1");
    const answer = await text(socket).catch(() => "");
    expect(answer.length).toBeLessThanOrEqual(request.length);
  });
});
