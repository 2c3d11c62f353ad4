import { promises as fs } from "node:fs";
import { NOTIFICATION_LIMIT } from "../core/notification.ts";
import { explainError } from "../errors.ts";
import type { MqttConfig } from "../io/config.ts";
import type { Log } from "../io/log.ts";
import type { Verdict } from "./notifications.ts";

/** How long (ms) to wait before a broker that was lost is connected to again; with jitter up to half as much more. */
const RECONNECT = 10_000;
const CONNECT_TIMEOUT = 30_000;
/** A sign of life (s) on an idle connection. */
const KEEP_ALIVE = 300;

/**
 * Hears notifications from an MQTT broker: the retained message of one topic, which is the body of a
 * notification (docs/notification.md). A broker that is lost is connected to again.
 *
 * @throws the system's error when a file of the configuration cannot be read
 */
export async function startBroker(options: {
  mqtt: MqttConfig;
  agentId: string;
  hear(text: string): Promise<Verdict>;
  random(): number;
  log: Log;
}): Promise<{ stop(): Promise<void> }> {
  const { mqtt, agentId, hear, random, log } = options;
  const password = mqtt.passwordFile === undefined ? undefined : await readPassword(mqtt.passwordFile);
  const ca = mqtt.ca === undefined ? undefined : await fs.readFile(mqtt.ca);
  const { connect } = await import("mqtt");
  const client = connect(mqtt.url, {
    clientId: `nearsource-${agentId}`,
    clean: true,
    keepalive: KEEP_ALIVE,
    connectTimeout: CONNECT_TIMEOUT,
    reconnectPeriod: Math.round(RECONNECT * (1 + random() / 2)),
    ...(mqtt.username === undefined ? {} : { username: mqtt.username }),
    ...(password === undefined ? {} : { password }),
    ...(ca === undefined ? {} : { ca }),
  });
  let lost = false;
  client.on("connect", () => {
    log.info(`listening to ${mqtt.topic} at the broker ${mqtt.url}`);
    lost = false;
    client.subscribe(mqtt.topic, { qos: 1 }, (error) => {
      if (error) log.warn(`the broker refused the topic ${mqtt.topic}: ${explainError(error)}`);
    });
  });
  client.on("error", (error) => sayOnce(explainError(error) || "it cannot be reached"));
  client.on("close", () => sayOnce("the connection was closed"));
  client.on("message", (_, payload) => {
    if (payload.length <= NOTIFICATION_LIMIT) void hear(payload.toString()).catch(() => {});
  });
  const sayOnce = (reason: string) => {
    if (!lost) log.warn(`the broker ${mqtt.url} is lost: ${reason}`);
    lost = true;
  };
  return {
    stop: async () => {
      lost = true;
      await client.endAsync(true);
    },
  };
}

async function readPassword(file: string): Promise<string> {
  return (await fs.readFile(file, "utf8")).replace(/\r?\n$/, "");
}
