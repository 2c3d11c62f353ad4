import { once } from "node:events";
import type { ServerResponse } from "node:http";
import net from "node:net";
import tls from "node:tls";
import { afterEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { SILENT } from "../../src/config/log.ts";
import { openListener } from "../../src/http/server.ts";
import { selfSigned, writeCertificate } from "../real/certificates.ts";
import { newFolder } from "../support/world.ts";

/** A listener for so many connections that answers nothing by itself; the answers that wait, by path. */
async function listen(maxConnections: number) {
  const waiting = new Map<string, ServerResponse>();
  const onArrival: (() => void)[] = [];
  const listener = await openListener(
    { host: "127.0.0.1", port: 0, log: SILENT, maxConnections },
    (request, response) => {
      waiting.set(request.url ?? "", response);
      for (const look of onArrival.splice(0)) look();
    },
  );
  onTestFinished(() => listener.close());
  const asked = async (path: string) => {
    while (!waiting.has(path)) await new Promise<void>((resolve) => onArrival.push(resolve));
    return waiting.get(path);
  };
  const answer = async (path: string) => void (await asked(path))?.end(`answer to ${path}.`);
  return { port: listener.port, answer, asked };
}

/** A connection that says `text`; `heard` resolves once it was told `words`, `closed` with that text once it is over. */
async function connect(port: number, text = "") {
  const socket = net.connect(port, "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  socket.on("error", () => {});
  const closed = once(socket, "close").then(() => text);
  let told = "";
  socket.setEncoding("latin1").on("data", (piece: string) => {
    told += piece;
  });
  const heard = async (words: string) => {
    while (!told.includes(words)) await once(socket, "data");
  };
  await once(socket, "connect");
  socket.write(text);
  return { heard, closed };
}

const get = (path: string) => `GET ${path} HTTP/1.1\r\nhost: a\r\n\r\n`;

test("a newcomer beyond the limit takes the place of the one that has been without a request for longest", async () => {
  const { port, answer } = await listen(2);
  const first = await connect(port, get("/first"));
  const second = await connect(port, get("/second"));
  await answer("/second");
  await second.heard("/second.");
  await answer("/first");
  await first.heard("/first.");
  const newcomer = await connect(port, get("/newcomer"));
  expect(await Promise.race([first.closed, second.closed, newcomer.closed])).toBe(get("/second"));
  await answer("/newcomer");
  await newcomer.heard("/newcomer.");
});

test("who asked ahead is not without a request while the next answer is on its way", async () => {
  const { port, answer } = await listen(1);
  const ahead = await connect(port, get("/one") + get("/two"));
  await answer("/one");
  await ahead.heard("/one.");
  const newcomer = await connect(port, get("/newcomer"));
  expect(await Promise.race([ahead.closed, newcomer.closed])).toBe(get("/newcomer"));
  await answer("/two");
  await ahead.heard("/two.");
});

afterEach(() => void vi.useRealTimers());

test("a request whose body does not come to its end is thrown out after 15 seconds, and one that waits for its answer is not", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  const { port, answer, asked } = await listen(10);
  const post = (path: string, sent: string) =>
    connect(port, `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\n${sent}`);
  const half = await post("/half", "a");
  const whole = await post("/whole", "ab");
  await Promise.all([asked("/half"), asked("/whole")]);
  await vi.advanceTimersByTimeAsync(18_000);
  expect(await Promise.race([half.closed, whole.closed])).toContain("/half");
  await answer("/whole");
  await whole.heard("/whole.");
});

test("a TLS listener that is closed waits for nobody who is silent before the handshake", async () => {
  const folder = await newFolder();
  const certificate = await writeCertificate(folder, await selfSigned(folder));
  const listener = await openListener(
    { host: "127.0.0.1", port: 0, log: SILENT, tls: certificate },
    (_, response) => void response.end(),
  );
  const silent = await connect(listener.port);
  // The one before has been accepted by the time that one after it speaks TLS.
  const speaking = tls.connect({ port: listener.port, host: "127.0.0.1", rejectUnauthorized: false });
  speaking.on("error", () => {});
  await once(speaking, "secureConnect");
  // A handshake may take 10 s, so that what waits for it is still there after 8.
  const closed = listener.close().then(() => "closed");
  const late = new Promise((held) => setTimeout(held, 8_000, "held"));
  expect(await Promise.race([closed, late])).toBe("closed");
  await silent.closed;
});

describe("a client that asks and does not read", () => {
  /** Half as much as a connection's buffers may hold. */
  const LONG = 20_000_000;

  /** A listener with a client that takes nothing of a long answer; time passes when it is told to. */
  async function listenToOne() {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
    let asked = () => {};
    const isAsked = new Promise<void>((resolve) => (asked = resolve));
    const listener = await openListener(
      { host: "127.0.0.1", port: 0, log: SILENT, maxConnections: 1 },
      (_, response) => {
        response.end(Buffer.alloc(LONG));
        asked();
      },
    );
    onTestFinished(() => listener.close());
    const socket = net.connect(listener.port, "127.0.0.1").pause();
    onTestFinished(() => void socket.destroy());
    socket.on("error", () => {});
    socket.write(get("/"));
    await isAsked;
    const isOver = once(socket, "close").then(() => "thrown out");
    return { listener, socket, isOver };
  }

  test("is thrown out after a minute and what its answer may take", async () => {
    const { socket, isOver } = await listenToOne();
    await vi.advanceTimersByTimeAsync(60_000 + LONG + 4_000);
    socket.resume();
    expect(await isOver).toBe("thrown out");
  });

  test("gives its place to a newcomer before that, once it has taken nothing for five seconds", async () => {
    const { listener } = await listenToOne();
    const early = await connect(listener.port, get("/early"));
    expect(await early.closed).toBe(get("/early"));
    await vi.advanceTimersByTimeAsync(10_000);
    const late = await connect(listener.port, get("/late"));
    await late.heard("200 OK");
  });
});
