import { promises as fs } from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { type Broker, hasMosquitto, makeBroker } from "../support/broker.ts";
import { killAll, type ResidentProcess, startResident } from "../support/resident.ts";
import { openServer, type ServerProcess, startServerProcess } from "../support/serverProcess.ts";
import { newFolder, writeJson } from "../support/world.ts";
import { json, nearsource } from "./commandLine.ts";

const TOPIC = "nearsource/news";
const residents: ResidentProcess[] = [];
const servers: ServerProcess[] = [];
let broker: Broker | undefined;
afterEach(async () => {
  await killAll(residents);
  for (const { process: each, ended } of servers.splice(0)) {
    each.kill("SIGKILL");
    await ended;
  }
  await broker?.kill();
});

/** A server that says its news at the broker, and a call of its API. */
async function serverAt(folder: string, { url }: Broker) {
  const made = await startServerProcess(folder);
  const { token } = (await made.call("POST", "/api-tokens", { name: "the test", role: "administrator" }))
    .body;
  made.process.kill("SIGTERM");
  await made.ended;
  const file = path.join(made.dir, "server.json");
  await writeJson(file, { ...JSON.parse(await fs.readFile(file, "utf8")), mqtt: { url, topic: TOPIC } });
  const server = await openServer(made.dir);
  servers.push(server);
  const call = (method: string, place: string, body?: unknown, headers = {}) =>
    server.call(method, place, body, { authorization: `Bearer ${token}`, ...headers });
  return { server, call };
}

describe.skipIf(!hasMosquitto)("an agent that listens to a broker, nowhere else,", () => {
  test("updates when the server publishes, and is told by Notify all, without being reached", {
    timeout: 300_000,
  }, async () => {
    const folder = await newFolder();
    broker = await makeBroker(folder);
    await broker.start();
    const { server, call } = await serverAt(folder, broker);
    const policy = {
      name: "ours",
      targets: { domains: ["default"], agents: [] },
      settings: { notify: { window: 0 }, schedule: { interval: 86_400_000, splay: 0 }, kinds: ["settings"] },
    };
    expect((await call("POST", "/policies", policy)).status).toBe(201);
    const { token } = (await call("POST", "/enrolment-tokens", {})).body;
    const configFile = path.join(folder, "agent", "config.json");
    const made = await nearsource(
      ...["enrol", "--server", server.agents, "--token", token, "--config", configFile],
      ...["--data-dir", path.join(folder, "agent", "data"), "--json"],
    );
    expect(made.code, made.stderr).toBe(0);
    const { id: agent } = json<{ id: string }>(made);
    const config = JSON.parse(await fs.readFile(configFile, "utf8"));
    const own = { listen: { port: null }, metrics: { port: null }, kinds: ["settings"] };
    const notify = { poll: false, mqtt: { url: broker.url, topic: TOPIC } };
    await writeJson(configFile, { ...config, ...own, notify });
    const resident = startResident({ configFile });
    residents.push(resident);
    await resident.said(/listening to nearsource\/news at the broker/);
    const runs = async () =>
      ((await call("GET", `/agents/${agent}/runs`)).body.items as { trigger: string }[]).map(
        ({ trigger }) => trigger,
      );
    await expect.poll(runs, { timeout: 120_000, interval: 200 }).not.toEqual([]);
    const before = (await runs()).length;
    // Another run, begun by what the broker says of this publication.
    const list = { mode: "customized", entries: [] };
    expect((await call("PUT", "/source-list", list, { "if-match": '"0"' })).status).toBe(200);
    const newer = async () => (await runs()).slice(0, -before);
    await expect.poll(newer, { timeout: 120_000, interval: 200 }).toContain("notify");
    const { id } = (await call("POST", "/notifications", { target: { all: true } })).body;
    await expect
      .poll(async () => (await call("GET", `/notifications/${id}`)).body, { timeout: 120_000, interval: 200 })
      .toMatchObject({ state: "ended", counts: { done: 1, unreachable: 0, failed: 0 } });
  });
});
