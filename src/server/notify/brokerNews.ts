import { setTimeout as sleep } from "node:timers/promises";
import type { MqttClient } from "mqtt";
import { connected, lossOf, openBroker } from "../../agent/channels/brokerConnection.ts";
import type { MqttConfig } from "../../config/configSchema.ts";
import type { Log } from "../../config/log.ts";
import { retryDelay } from "../../core/settings/schedule.ts";
import { explainError } from "../../errors.ts";
import type { PublishedTrees } from "../settings/publishedTrees.ts";

/** A sign of life (s) on an idle connection: a broker that is gone is known in a minute and a half. */
const KEEP_ALIVE = 60;
/** Pauses (ms) between attempts to reach the broker. */
const BACK_OFF = { first: 1_000, longest: 60_000 };

export interface BrokerNewsOptions {
  /** Files absolute. */
  mqtt: MqttConfig;
  /** Of this server process. */
  clientId: string;
  trees: Pick<PublishedTrees, "newest" | "watch">;
  log: Log;
  random(): number;
}

/**
 * Keeps the newest signed timestamps at an MQTT broker, as the retained message that agents get when they connect and
 * when it is another (docs/notification.md). Several servers that do so say the same. A broker that is lost is
 * connected to again, and told again, since it may have forgotten.
 */
export class BrokerNews {
  readonly #options: BrokerNewsOptions;
  readonly #stopping = new AbortController();
  #running: Promise<void> | undefined;
  #client: MqttClient | undefined;
  /** The message that the broker has acknowledged, on this connection. */
  #told: string | undefined;
  #saidLost = false;
  #change = Promise.withResolvers<void>();

  constructor(options: BrokerNewsOptions) {
    this.#options = options;
    options.trees.watch(() => this.#change.resolve());
  }

  /** The topic that agents listen to. */
  get topic(): string {
    return this.#options.mqtt.topic;
  }

  /** Whether the broker is there, and has the newest. */
  get isTold(): boolean {
    return this.#told !== undefined && this.#told === this.#message();
  }

  start(): void {
    this.#running = this.#run();
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** Says it once more, for whoever missed it. It does not fail: a broker that is lost is told when it is back. */
  async sayAgain(): Promise<void> {
    const client = this.#client;
    if (client !== undefined) await this.#say(client).catch(() => {});
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    for (let failures = 1; !signal.aborted; failures++) {
      try {
        await this.#serve(() => {
          failures = 0;
        });
      } catch (error) {
        if (!signal.aborted) this.#complain(error);
      }
      const pause = retryDelay(Math.max(failures, 1), this.#options.random(), BACK_OFF);
      await sleep(pause, undefined, { signal }).catch(() => {});
    }
  }

  /** One connection, from its beginning to its loss. */
  async #serve(onConnected: () => void): Promise<void> {
    const { mqtt, clientId, log } = this.#options;
    const client = await openBroker(mqtt, { clientId, keepAlive: KEEP_ALIVE });
    let isLost = false;
    const lost = lossOf(client, this.#stopping.signal).then((cause) => {
      isLost = true;
      throw cause instanceof Error ? cause : new Error(String(cause));
    });
    lost.catch(() => {});
    try {
      await Promise.race([connected(client), lost]);
      onConnected();
      log.info(`news go to ${mqtt.topic} at the broker ${mqtt.url}`);
      this.#saidLost = false;
      this.#client = client;
      while (!isLost) {
        this.#change = Promise.withResolvers();
        await Promise.race([this.#say(client), lost]);
        await Promise.race([this.#change.promise, lost]);
      }
    } finally {
      this.#client = undefined;
      this.#told = undefined;
      await client.endAsync(true).catch(() => {});
    }
  }

  async #say(client: MqttClient): Promise<void> {
    const message = this.#message();
    if (message === undefined) return;
    await client.publishAsync(this.topic, message, { qos: 1, retain: true });
    this.#told = message;
  }

  #message(): string | undefined {
    const newest = this.#options.trees.newest();
    return newest === undefined ? undefined : JSON.stringify(newest);
  }

  #complain(error: unknown): void {
    const { log, mqtt } = this.#options;
    log[this.#saidLost ? "debug" : "warn"](`the broker ${mqtt.url} is lost: ${explainError(error)}`);
    this.#saidLost = true;
  }
}
