import { once } from "node:events";
import { promises as fs } from "node:fs";
import net, { type AddressInfo, type Socket } from "node:net";
import path from "node:path";
import tls from "node:tls";
import { describe, expect, onTestFinished, test } from "vitest";
import { connectBroker } from "../../../src/agent/channels/mqtt.ts";
import { keepOpen } from "../../../src/agent/keepOpen.ts";
import { type Certificate, makeAuthority } from "../../real/certificates.ts";
import { newFolder } from "../../support/world.ts";

const CONNACK = (code: number) => Buffer.from([0x20, 2, 0, code]);
const PUBLISH = (topic: string, text: string) =>
  Buffer.concat([
    Buffer.from([0x31, 2 + topic.length + text.length, 0, topic.length]),
    Buffer.from(topic + text),
  ]);

/** A broker (MQTT 3.1.1) that answers each connection in its own way: with these codes, the last for all that follow. */
async function startBroker(
  ...ways: { connack?: number; suback?: number; silent?: true; tls?: Certificate }[]
) {
  let connections = 0;
  const sockets = new Set<Socket>();
  const passwords: string[] = [];
  const certificate = ways[0]?.tls;
  const attend = (socket: Socket) => {
    const { connack = 0, suback = 1, silent } = ways[Math.min(connections++, ways.length - 1)] ?? {};
    sockets.add(socket.on("error", () => {}));
    if (silent === true) return;
    socket.on("data", (bytes: Buffer) => {
      const type = (bytes[0] ?? 0) >> 4;
      if (type === 1) {
        passwords.push(bytes.toString("latin1").slice(-6));
        socket.write(CONNACK(connack));
      }
      if (type !== 8) return;
      socket.write(Buffer.from([0x90, 3, bytes[2] ?? 0, bytes[3] ?? 0, suback]));
      if (suback < 0x80) socket.write(PUBLISH("news", "hear"));
    });
  };
  const server = certificate === undefined ? net.createServer(attend) : tls.createServer(certificate, attend);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const drop = () => sockets.forEach((socket) => void socket.destroy());
  return { port: (server.address() as AddressInfo).port, passwords, drop, connections: () => connections };
}

/** Listens to a broker; waits between attempts are over at once. */
function listenTo(port: number, rest: object = {}) {
  const heard: string[] = [];
  const said: string[] = [];
  const say = (text: string) => void said.push(text);
  const log = { error: say, warn: say, info: say, debug: say };
  const receive = async (text: string) => {
    heard.push(text);
    return "older" as const;
  };
  const mqtt = { url: `mqtt://127.0.0.1:${port}`, topic: "news", ...rest };
  const opening = keepOpen((signal) => connectBroker({ mqtt, agentId: "a", receive, log }, signal), {
    ...{ level: "warn", backOff: { first: 1, longest: 1 }, random: () => 1, log },
    clock: {
      now: () => Date.now(),
      after: (milliseconds, work) => {
        const timer = setTimeout(work, milliseconds);
        return () => clearTimeout(timer);
      },
    },
  });
  onTestFinished(() => opening.close());
  return { opening, heard, said };
}

const until = <Value>(look: () => Value) => expect.poll(look, { timeout: 20_000, interval: 10 });

describe("an agent comes back to a broker", () => {
  test.for([
    [3, "Server unavailable"],
    [5, "Not authorized"],
  ] as const)("that refused it with CONNACK %s (%s)", async ([connack, words]) => {
    const { port } = await startBroker({ connack }, { connack }, {});
    const { heard, said } = listenTo(port);
    await until(() => heard).toEqual(["hear"]);
    expect(said[0]).toMatch(new RegExp(`the broker mqtt://\\S+ is lost: .*${words}.*; it is tried again`));
  });

  test("that refused the topic", async () => {
    const { port, connections } = await startBroker({ suback: 0x80 }, {});
    const { heard, said } = listenTo(port);
    await until(() => heard).toEqual(["hear"]);
    expect(said[0]).toContain("the broker refused the topic news");
    expect(connections()).toBe(2);
  });

  test("that went away, each time", async () => {
    const { port, drop } = await startBroker({});
    const { heard, said } = listenTo(port);
    for (const times of [1, 2, 3]) {
      await until(() => heard.length).toBe(times);
      drop();
    }
    await until(() => heard.length).toBe(4);
    expect(said).toContainEqual(expect.stringContaining("is lost: the connection was closed"));
  });

  test("with the password that stands in its file by then, also where there was no file", async () => {
    const { port, passwords } = await startBroker({ connack: 5 }, {});
    const passwordFile = path.join(await newFolder(), "password");
    const { heard, said } = listenTo(port, { username: "fleet", passwordFile });
    await until(() => said[0]).toMatch(/is lost: .*ENOENT/);
    // As it is for a moment while it is written.
    await fs.writeFile(passwordFile, "");
    await until(() => said.at(-1)).toMatch(/is lost: .*password is empty/);
    expect(passwords).toEqual([]);
    await fs.writeFile(passwordFile, "first1\n");
    await until(() => passwords[0]).toBe("first1");
    await fs.writeFile(passwordFile, "second\n");
    await until(() => heard).toEqual(["hear"]);
    expect(passwords.at(-1)).toMatch(/first1|second/);
  });
});

test("an agent speaks TLS with a broker as soon as the authority's certificate is where it should be", async () => {
  const folder = await newFolder();
  const authority = await makeAuthority(folder, "site");
  const { port } = await startBroker({ tls: await authority.issue() });
  const ca = path.join(folder, "ca.pem");
  const { heard, said } = listenTo(port, { url: `mqtts://127.0.0.1:${port}`, ca });
  await until(() => said[0]).toMatch(/is lost: .*ENOENT/);
  await fs.writeFile(ca, authority.cert);
  await until(() => heard).toEqual(["hear"]);
});

test("a broker that says nothing holds nobody who closes", async () => {
  const { port, connections } = await startBroker({ silent: true });
  const { opening } = listenTo(port);
  await until(connections).toBe(1);
  await opening.close();
  expect(opening.part).toBeUndefined();
});

/** A broker that takes everybody, and goes on as it likes once somebody listens. */
async function startLiar(goOn: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    socket.on("data", (bytes: Buffer) => {
      const type = (bytes[0] ?? 0) >> 4;
      if (type === 1) socket.write(CONNACK(0));
      if (type !== 8) return;
      socket.write(Buffer.from([0x90, 3, bytes[2] ?? 0, bytes[3] ?? 0, 1]));
      goOn(socket);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

test("a broker that begins a message of 256 MB is left after less than one of them", async () => {
  const sent: number[] = [];
  const port = await startLiar((socket) => {
    const place = sent.push(0) - 1;
    // The longest packet that MQTT knows (MQTT 3.1.1 §2.2.3), of which no end comes.
    socket.write(Buffer.from([0x31, 0xff, 0xff, 0xff, 0x7f, 0, 4]));
    socket.write("news");
    const piece = Buffer.alloc(65_536, 0x20);
    const more = () => {
      while (!socket.destroyed && (sent[place] ?? 0) < 64_000_000) {
        sent[place] = (sent[place] ?? 0) + piece.length;
        if (!socket.write(piece)) return void socket.once("drain", more);
      }
    };
    more();
  });
  const { heard, said } = listenTo(port);
  await until(() => said.join()).toContain("sends a packet of more than");
  // What the kernel took for the two of them is in it.
  expect(sent[0]).toBeLessThan(32_000_000);
  expect(heard).toEqual([]);
});

test("of many messages at once an agent takes the newest, one at a time", async () => {
  const port = await startLiar((socket) => {
    for (let index = 0; index < 2_000; index++) socket.write(PUBLISH("news", `forged ${index}`));
    socket.write(PUBLISH("news", "the newest"));
  });
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  let [atOnce, most] = [0, 0];
  const taken: string[] = [];
  const receive = async (text: string) => {
    most = Math.max(most, ++atOnce);
    taken.push(text);
    await held;
    atOnce--;
    return "refused" as const;
  };
  const log = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };
  const mqtt = { url: `mqtt://127.0.0.1:${port}`, topic: "news" };
  const ending = new AbortController();
  const opened = await connectBroker({ mqtt, agentId: "a", receive, log }, ending.signal);
  onTestFinished(async () => void (await opened.close()));
  await until(() => taken.length).toBe(1);
  await new Promise((later) => setTimeout(later, 300));
  release();
  await until(() => taken.at(-1)).toBe("the newest");
  expect([most, taken.length <= 20]).toEqual([1, true]);
});
