import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import net, { type AddressInfo } from "node:net";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { timestampOf } from "../support/post.ts";
import { killAll, type ResidentProcess, settle, startResident } from "../support/resident.ts";
import { startServer } from "../support/server.ts";
import { type Agent, closeAll, expectInstalled, newFolder } from "../support/world.ts";
import { openStage, type Stage } from "./commandLine.ts";

/** The channels of a resident agent beside its port, and its reports: the server, a broker, systemd. */
let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());
const residents: ResidentProcess[] = [];
const servers: { close(): Promise<void> }[] = [];
const children: ChildProcess[] = [];
afterEach(async () => {
  await killAll(residents);
  for (const child of children.splice(0)) child.kill("SIGKILL");
  await closeAll(servers);
});

async function residentOf(config: object, env: Record<string, string> = {}) {
  const agent = await stage.agentOf(1);
  await settle(agent, config);
  return { agent, resident: begin(agent, env) };
}

function begin(agent: Agent, env: Record<string, string> = {}): ResidentProcess {
  const resident = startResident(agent, env);
  residents.push(resident);
  return resident;
}

const until = <Value>(look: () => Value) => expect.poll(look, { timeout: 50_000, interval: 50 });
const newsOf = async (publication: 1 | 2) =>
  JSON.stringify({ content: await timestampOf(stage.world.www(publication)) });

test("an agent that polls the server updates on what it answers, and reports each run to it", async () => {
  const news = await newsOf(2);
  let publish = () => {};
  const published = new Promise<void>((done) => {
    publish = done;
  });
  let polls = 0;
  const server = await startServer(async ({ method }, response) => {
    if (method === "PUT") response.writeHead(204).end();
    else if (method === "GET" && ++polls === 1) {
      await published;
      response.end(news);
    }
  });
  servers.push(server);
  const { agent, resident } = await residentOf({ server: server.url, notify: { poll: true } });
  await resident.said(/ended: updated/);
  await stage.turnTo(agent, 2);
  publish();
  await resident.said(/ended: updated[\s\S]*ended: updated/);
  await expectInstalled(agent, 2);
  const { agentId } = JSON.parse(await fs.readFile(path.join(agent.dataDir, "state.json"), "utf8"));
  const reports = () =>
    server.requests.filter(({ method, url }) => `${method} ${url}` === `PUT /v1/agents/${agentId}/report`);
  await until(() => reports().length).toBe(2);
  expect(reports().map(({ body }) => JSON.parse(body))).toMatchObject([
    { trigger: "schedule", report: { outcome: "updated", exitCode: 0 } },
    { trigger: "notify", report: { outcome: "updated", installed: [{ component: "rules" }] } },
  ]);
});

const mosquitto = spawnSync("mosquitto", ["-h"]).error === undefined;
if (!mosquitto) console.warn("skipped: there is no mosquitto here (apt-get install mosquitto)");

describe.skipIf(!mosquitto)("an agent that listens to an MQTT broker", () => {
  /** The real broker, with a password. */
  async function startBroker(folder: string, port: number): Promise<void> {
    const passwords = path.join(folder, "passwords");
    if (spawnSync("mosquitto_passwd", ["-c", "-b", passwords, "fleet", "secret"]).status !== 0)
      throw new Error("no password");
    await fs.chmod(passwords, 0o644);
    const config = `listener ${port} 127.0.0.1\nallow_anonymous false\npassword_file ${passwords}\nuser root\n`;
    await fs.writeFile(path.join(folder, "broker.conf"), config);
    const broker = spawn("mosquitto", ["-c", path.join(folder, "broker.conf")], { stdio: "ignore" });
    children.push(broker);
    await until(() => connects(port)).toBe(true);
  }

  const connects = async (port: number) => {
    const socket = net.connect(port, "127.0.0.1");
    const open = await once(socket, "connect").then(
      () => true,
      () => false,
    );
    socket.destroy();
    return open;
  };

  async function freePort(): Promise<number> {
    const server = net.createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await new Promise((closed) => server.close(closed));
    return port;
  }

  async function publish(port: number, message: string): Promise<void> {
    const { connectAsync } = await import("mqtt");
    const client = await connectAsync(`mqtt://127.0.0.1:${port}`, { username: "fleet", password: "secret" });
    await client.publishAsync("nearsource/news", message, { qos: 1, retain: true });
    await client.endAsync();
  }

  test("updates on the retained message, whether it was there before or comes later", async () => {
    const folder = await newFolder();
    const port = await freePort();
    await fs.chmod(folder, 0o755);
    await startBroker(folder, port);
    await publish(port, await newsOf(1));
    await fs.writeFile(path.join(folder, "password"), "secret\n", { mode: 0o600 });
    const mqtt = {
      ...{ url: `mqtt://127.0.0.1:${port}`, topic: "nearsource/news", username: "fleet" },
      passwordFile: path.join(folder, "password"),
    };
    const { agent, resident } = await residentOf({ notify: { mqtt } });
    await resident.said(/listening to nearsource\/news at the broker/);
    await resident.said(/ended: updated/);
    await stage.turnTo(agent, 2);
    await publish(port, "nothing that anybody signed");
    await publish(port, await newsOf(2));
    await resident.said(/ended: updated[\s\S]*ended: updated/);
    await expectInstalled(agent, 2);
    expect(await resident.stop()).toMatchObject({ code: 0 });
  });

  test("goes on without it, and connects when it is there", async () => {
    const folder = await newFolder();
    const port = await freePort();
    await fs.chmod(folder, 0o755);
    const mqtt = {
      url: `mqtt://127.0.0.1:${port}`,
      topic: "nearsource/news",
    };
    const { resident } = await residentOf({ notify: { mqtt } });
    await resident.said(/warn: the broker .* is lost: .*ECONNREFUSED/);
    await resident.said(/ended: updated/);
    await fs.writeFile(
      path.join(folder, "broker.conf"),
      `listener ${port} 127.0.0.1\nallow_anonymous true\nuser root\n`,
    );
    children.push(spawn("mosquitto", ["-c", path.join(folder, "broker.conf")], { stdio: "ignore" }));
    await resident.said(/listening to nearsource\/news at the broker/);
  });
});

const python = spawnSync("python3", ["--version"]).error === undefined;
const systemd = python && spawnSync("systemd-notify", ["--version"]).error === undefined;
if (!systemd) console.warn("skipped: there is no systemd-notify here, or no python3 to hear it");

test.skipIf(!systemd)("systemd is told when the agent is ready, reloads, is alive and stops", async () => {
  const socket = path.join(await newFolder(), "notify.sock");
  const hear = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True: print(s.recv(4096).decode(), flush=True)`;
  const ear = spawn("python3", ["-c", hear, socket], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(ear);
  let heard = "";
  ear.stdout.setEncoding("utf8").on("data", (text: string) => {
    heard += text;
  });
  await until(() => heard).toContain("bound");
  const { resident } = await residentOf({}, { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "2000000" });
  await until(() => heard).toContain("READY=1");
  await until(() => heard).toContain("WATCHDOG=1");
  resident.process.kill("SIGHUP");
  await until(() => heard).toMatch(/RELOADING=1\nMONOTONIC_USEC=\d+[\s\S]*READY=1/);
  expect(await resident.stop()).toMatchObject({ code: 0 });
  await until(() => heard).toContain("STOPPING=1");
});
