import type { MqttClient } from "mqtt";
import type { MqttConfig } from "../../config/configSchema.ts";
import type { Log } from "../../config/log.ts";
import { NearsourceError } from "../../errors.ts";
import { NOTIFICATION_LIMIT } from "../../tuf/notification.ts";
import type { Openable } from "../keepOpen.ts";
import { connected, lossOf, openBroker } from "./brokerConnection.ts";
import type { Verdict } from "./notifications.ts";

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
    const client = await openBroker(mqtt, { clientId: `nearsource-${agentId}`, keepAlive: KEEP_ALIVE });
    const lost = lossOf(client, signal).then(toLoss);
    const close = () => client.endAsync(true);
    client.on("message", takeNewest(receive));
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

/** Takes messages one at a time: of those that come meanwhile the last, which is the newest, whatever a broker sends. */
function takeNewest(receive: BrokerOptions["receive"]) {
  let isBusy = false;
  let newest: Buffer | undefined;
  return async (_: string, payload: Buffer): Promise<void> => {
    if (payload.length > NOTIFICATION_LIMIT) return;
    newest = payload;
    if (isBusy) return;
    isBusy = true;
    while (newest !== undefined) {
      const text: string = newest.toString();
      newest = undefined;
      await receive(text).catch(() => {});
    }
    isBusy = false;
  };
}

async function subscribe(client: MqttClient, topic: string): Promise<void> {
  await connected(client);
  await client.subscribeAsync(topic, { qos: 1 }).catch((cause) => {
    throw new NearsourceError("CONNECTION_FAILED", `the broker refused the topic ${topic}`, { cause });
  });
}
