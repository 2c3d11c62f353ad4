import { once } from "node:events";
import net from "node:net";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startDnsServer } from "../support/dnsServer.ts";
import { startSource, type TestSource } from "../support/source.ts";
import { HASTY, makeAgent, makeWorld, runUpdate, type World } from "../support/world.ts";

let world: World;
let source: TestSource;
let hole: BlackHole;

beforeAll(async () => {
  world = await makeWorld();
  source = await startSource(world.www(1));
  hole = await openBlackHole();
});

afterAll(async () => {
  await hole.close();
  await source.close();
  await world.remove();
});

test("a host that drops every SYN is passed over after the connect time-out", async () => {
  const sources = { hole: `http://127.0.0.1:${hole.port}`, good: source.url };
  const { report } = await runUpdate(await makeAgent(world, { sources, config: { http: HASTY } }));
  expect(report.attempts).toMatchObject([
    { name: "hole", code: "CONNECTION_TIMEOUT", outcome: "failed" },
    { name: "good", outcome: "delivered" },
  ]);
});

test("a name whose first address drops every SYN is reached at its second", async () => {
  // The good source answers on every loopback address, so only the first address's port is a hole.
  const other = await startSource(world.www(1), { host: "127.0.0.3" });
  const blocked = await openBlackHole("127.0.0.2", other.port);
  const dns = await startDnsServer({ records: { "ua.test": { A: ["127.0.0.2", "127.0.0.3"] } } });
  const agent = await makeAgent(world, {
    sources: { ua: `http://ua.test:${other.port}` },
    config: { dns: { servers: [dns.address] } },
  });
  const { report } = await runUpdate(agent);
  expect(report.attempts).toMatchObject([{ name: "ua", outcome: "delivered", address: "127.0.0.3" }]);
  await Promise.all([dns.close(), blocked.close(), other.close()]);
});

interface BlackHole {
  port: number;
  close(): Promise<void>;
}

/** Listens with the shortest queue, and never accepts: the event loop of the listener stands still. */
const LISTENER = `
  const { parentPort, workerData } = require("node:worker_threads");
  const server = require("node:net").createServer();
  server.listen({ ...workerData, backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
  });
`;

/** A port whose queue is full: the kernel drops every further SYN, as a firewall would. */
async function openBlackHole(host = "127.0.0.1", port = 0): Promise<BlackHole> {
  const worker = new Worker(LISTENER, { eval: true, workerData: { host, port } });
  const [opened] = (await once(worker, "message")) as [number];
  const fillers: net.Socket[] = [];
  // The queue holds one or two more than its length; the first connection that does not come is the proof.
  while (await connects(host, opened, fillers)) expect(fillers.length).toBeLessThan(10);
  return {
    port: opened,
    close: async () => {
      for (const filler of fillers) filler.destroy();
      await worker.terminate();
    },
  };
}

async function connects(host: string, port: number, fillers: net.Socket[]): Promise<boolean> {
  const socket = net.connect({ host, port });
  socket.on("error", () => {});
  fillers.push(socket);
  const patience = AbortSignal.timeout(300);
  return await once(socket, "connect", { signal: patience }).then(
    () => true,
    () => false,
  );
}
