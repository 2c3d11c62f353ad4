import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { promises as fs } from "node:fs";
import net, { type AddressInfo } from "node:net";
import path from "node:path";
import { expect } from "vitest";

/** Whether Mosquitto is to be had here. */
export const hasMosquitto = spawnSync("mosquitto", ["-h"]).error === undefined;
if (!hasMosquitto) console.warn("skipped: there is no mosquitto here (apt-get install mosquitto)");

/** A real MQTT broker that keeps nothing when it ends. */
export interface Broker {
  url: string;
  start(): Promise<void>;
  kill(): Promise<void>;
  /** Messages that a client has acknowledged, since the broker was made. */
  acknowledged(clientId: string): Promise<number>;
}

/** Makes one at a port of its own. It is not started yet. */
export async function makeBroker(folder: string): Promise<Broker> {
  const port = await freePort();
  const file = path.join(folder, "broker.conf");
  const said = path.join(folder, "broker.log");
  const own = `listener ${port} 127.0.0.1\nallow_anonymous true\nuser root\n`;
  await fs.writeFile(file, `${own}log_dest file ${said}\nlog_type all\n`);
  let child: ChildProcess | undefined;
  return {
    url: `mqtt://127.0.0.1:${port}`,
    start: async () => {
      child = spawn("mosquitto", ["-c", file], { stdio: "ignore" });
      await expect.poll(() => connects(port), { timeout: 20_000, interval: 50 }).toBe(true);
    },
    kill: async () => {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    },
    acknowledged: async (clientId) =>
      (await fs.readFile(said, "utf8")).split(`Received PUBACK from ${clientId} `).length - 1,
  };
}

async function connects(port: number): Promise<boolean> {
  const socket = net.connect(port, "127.0.0.1");
  const open = await once(socket, "connect").then(
    () => true,
    () => false,
  );
  socket.destroy();
  return open;
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}
