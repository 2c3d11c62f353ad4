import { type ChildProcess, execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import http from "node:http";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Answer, ask, objectUrl, type RelayProcess, startRelayProcess } from "../../support/relay.ts";
import { startSource, type TestSource } from "../../support/source.ts";
import { LARGE, makeWorld, objectOf, payload, type World } from "../../support/world.ts";

const PATIENCE = { timeout: 240_000 };
const large = objectUrl(objectOf(2, "pattern"));
const timestamp = "/content/metadata/timestamp.json";
const bytes = payload(2, "pattern")["pattern.bin"] ?? Buffer.alloc(0);

let world: World;
let origin: TestSource;
beforeAll(async () => {
  world = await makeWorld({ large: true });
  origin = await startSource(world.www(2));
});
afterAll(async () => {
  await origin.close();
  await world.remove();
});

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

async function startRelay(relay: Record<string, unknown> = {}): Promise<RelayProcess> {
  const started = await startRelayProcess(world, { upstream: origin.url, relay });
  children.push(started.child);
  return started;
}

/** Starts attackers, and waits until all are connected. */
async function attack(port: number, count: number, ...kinds: string[]): Promise<ChildProcess> {
  const script = path.resolve("test/support/attack.ts");
  const child = fork(script, [String(port), large, String(count), ...kinds]);
  children.push(child);
  await once(child, "message");
  return child;
}

/** Asks until it is answered, as a client does that has no other source. */
async function persist(url: string, where: string, options: http.RequestOptions): Promise<Answer> {
  for (;;) {
    const answer = await ask(url, where, options).catch(() => undefined);
    if (answer?.status === 200 || answer?.status === 206) return answer;
    await delay(500);
  }
}

describe("H2: while 2,200 attackers hold what they can, with heads and bodies without end and readers that do not read,", () => {
  test("250 honest clients get all they ask for", PATIENCE, async () => {
    const relay = await startRelay();
    await attack(relay.port, 2_200, "headers", "body", "reader");
    const honest = Array.from({ length: 250 }, async (_, index) => {
      const localAddress = `127.0.1.${1 + index}`;
      const newest = await persist(relay.url, timestamp, { localAddress });
      const headers = { range: "bytes=4000000-4499999" };
      const part = await persist(relay.url, large, { localAddress, headers });
      return newest.status === 200 && part.body.equals(bytes.subarray(4_000_000, 4_500_000));
    });
    expect((await Promise.all(honest)).filter(Boolean).length).toBe(250);
  });
});

test("H2: readers that take nothing are cut, however many places there are", PATIENCE, async () => {
  const relay = await startRelay({ minRate: 100_000, maxPerClient: 100 });
  await attack(relay.port, 40, "reader");
  let cut = 0;
  while (cut < 40) {
    ({ cut } = (await relay.command("stats")).stats.transfers);
    await delay(500);
  }
  expect(cut).toBeGreaterThanOrEqual(40);
});

test("H3: 10,000 idle connections keep nobody from being served", PATIENCE, async () => {
  const relay = await startRelay();
  const attackers = await attack(relay.port, 10_000, "idle");
  const answers = Array.from({ length: 20 }, () => ask(relay.url, timestamp));
  expect((await Promise.all(answers)).map(({ status }) => status)).toEqual(Array(20).fill(200));
  attackers.send("count");
  const [open] = await once(attackers, "message");
  expect(open).toBeGreaterThan(9_000);
});

test(
  "beyond maxTransfers the answer is 503 at once, and metadata are served all the same",
  PATIENCE,
  async () => {
    const relay = await startRelay({ maxTransfers: 3, maxPerClient: 2 });
    const held = await Promise.all(
      ["127.0.1.1", "127.0.1.1", "127.0.1.2"].map((from) => hold(relay.url, from)),
    );
    const another = await ask(relay.url, large, { localAddress: "127.0.1.3" });
    expect([another.status, another.headers["retry-after"]]).toEqual([503, "10"]);
    expect((await ask(relay.url, large, { localAddress: "127.0.1.1" })).status).toBe(503);
    expect((await ask(relay.url, timestamp)).status).toBe(200);
    const { stats } = await relay.command("stats");
    expect(stats.refusals).toMatchObject({ transfers: 1, client: 1 });
    for (const response of held) response.destroy();
    expect((await persist(relay.url, large, {})).body.equals(bytes)).toBe(true);
  },
);

test("H4: a file that a hundred clients read is open once", PATIENCE, async (context) => {
  if (process.platform !== "linux") return context.skip("open files are counted in /proc");
  const relay = await startRelay({ maxPerClient: 200 });
  const held = await Promise.all(Array.from({ length: 100 }, () => hold(relay.url, "127.0.0.1")));
  const folder = `/proc/${relay.child.pid}/fd`;
  const links = (await fs.readdir(folder)).map((name) =>
    fs.readlink(path.join(folder, name)).catch(() => ""),
  );
  const names = (await Promise.all(links)).filter((link) => link.endsWith(objectOf(2, "pattern")));
  expect(names.length).toBe(1);
  for (const response of held) response.destroy();
});

test(
  "H4: without descriptors to spare the answer is 503, and never that there is no such file",
  PATIENCE,
  async (context) => {
    if (process.platform !== "linux") return context.skip("prlimit is Linux's");
    const relay = await startRelay();
    await relay.kill();
    const again = await startRelayProcess(world, { upstream: origin.url, agent: relay.agent, lazy: true });
    children.push(again.child);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    expect((await ask(again.url, timestamp, { agent })).status).toBe(200);
    execFileSync("prlimit", ["--nofile=10:4096", "--pid", String(again.child.pid)]);
    expect((await ask(again.url, large, { agent })).status).toBe(503);
    execFileSync("prlimit", ["--nofile=4096:4096", "--pid", String(again.child.pid)]);
    expect((await persist(again.url, large, { agent })).body.length).toBe(LARGE);
    agent.destroy();
  },
);

/** Begins to read the large object, and stops. */
async function hold(url: string, localAddress: string): Promise<http.IncomingMessage> {
  const request = http.get(`${url}${large}`, { localAddress, agent: false });
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  response.on("error", () => {});
  expect(response.statusCode).toBe(200);
  return response;
}
