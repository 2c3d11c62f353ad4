import { promises as fs } from "node:fs";
import type { MqttClient } from "mqtt";
import type { MqttConfig } from "../../config/configSchema.ts";
import type { Log } from "../../config/log.ts";
import { NearsourceError } from "../../errors.ts";
import { NOTIFICATION_LIMIT } from "../../tuf/notification.ts";
import type { Openable } from "../keepOpen.ts";
import type { Verdict } from "./notifications.ts";

/** Longest time (ms) for the broker's answer. */
const CONNECT_TIMEOUT = 30_000;
/** A sign of life (s) on an idle connection. */
const KEEP_ALIVE = 300;

export interface BrokerOptions {
  mqtt: MqttConfig;
  agentId: string;
  receive(text: string): Promise<Verdict>;
  log: Log;
}

/**
 * Receives notifications from an MQTT broker: the retained message of one topic, which is the body of a
 * notification (docs/notification.md). It is one connection: when that is lost, or the broker refuses it or
 * the topic, the next reads password and certificate again.
 *
 * @throws NearsourceError CONNECTION_FAILED when it does not come about
 */
export async function connectBroker(
  { mqtt, agentId, receive, log }: BrokerOptions,
  signal: AbortSignal,
): Promise<Openable> {
  const { url, topic } = mqtt;
  const toLoss = (cause: unknown) =>
    new NearsourceError("CONNECTION_FAILED", `the broker ${url} is lost`, { cause });
  try {
    const client = await open(mqtt, agentId);
    const lost = lossOf(client, signal).then(toLoss);
    const close = () => client.endAsync(true);
    client.on("message", (_, payload) => {
      if (payload.length <= NOTIFICATION_LIMIT) void receive(payload.toString()).catch(() => {});
    });
    await Promise.race([
      subscribe(client, topic),
      lost.then((loss) => {
        throw loss;
      }),
    ]).catch(async (error) => {
      await close();
      throw error;
    });
    log.info(`listening to ${topic} at the broker ${url}`);
    return { lost, close };
  } catch (error) {
    throw error instanceof NearsourceError ? error : toLoss(error);
  }
}

async function open(mqtt: MqttConfig, agentId: string): Promise<MqttClient> {
  const { url, username, passwordFile } = mqtt;
  const password = passwordFile === undefined ? undefined : await readPassword(passwordFile);
  const ca = mqtt.ca === undefined ? undefined : await fs.readFile(mqtt.ca);
  const { connect } = await import("mqtt");
  const { protocol, hostname, port } = new URL(url);
  return connect({
    protocol: protocol === "mqtts:" ? "mqtts" : "mqtt",
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    ...(port === "" ? {} : { port: Number(port) }),
    clientId: `nearsource-${agentId}`,
    clean: true,
    keepalive: KEEP_ALIVE,
    connectTimeout: CONNECT_TIMEOUT,
    reconnectPeriod: 0,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(ca === undefined ? {} : { ca }),
  });
}

async function readPassword(file: string): Promise<string> {
  const password = (await fs.readFile(file, "utf8")).replace(/\r?\n$/, "");
  // The file may just be being written.
  if (password === "") throw new Error(`${file} is empty`);
  return password;
}

/** The reason why a connection ended, once it has. */
async function lossOf(client: MqttClient, signal: AbortSignal): Promise<unknown> {
  let abort = () => {};
  const reason = await new Promise((tell) => {
    abort = () => tell("it is needed no more");
    client.on("error", tell);
    client.once("close", () => tell("the connection was closed"));
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
  });
  signal.removeEventListener("abort", abort);
  return reason;
}

async function subscribe(client: MqttClient, topic: string): Promise<void> {
  await new Promise<void>((connected) => client.once("connect", () => connected()));
  await client.subscribeAsync(topic, { qos: 1 }).catch((cause) => {
    throw new NearsourceError("CONNECTION_FAILED", `the broker refused the topic ${topic}`, { cause });
  });
}
