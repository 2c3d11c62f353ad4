import { promises as fs } from "node:fs";
import type { MqttClient } from "mqtt";
import type { MqttConfig } from "../../config/configSchema.ts";
import { NOTIFICATION_LIMIT } from "../../tuf/notification.ts";

/** Longest time (ms) for the broker's answer. */
const CONNECT_TIMEOUT = 30_000;

/** A client by its own name, and how often (s) it gives a sign of life on an idle connection. */
export interface BrokerClient {
  clientId: string;
  keepAlive: number;
}

/**
 * Begins one connection to a broker, which is not made again when it is lost. Password and certificate are read anew.
 */
export async function openBroker(
  mqtt: MqttConfig,
  { clientId, keepAlive }: BrokerClient,
): Promise<MqttClient> {
  const { url, username, passwordFile } = mqtt;
  const password = passwordFile === undefined ? undefined : await readPassword(passwordFile);
  const ca = mqtt.ca === undefined ? undefined : await fs.readFile(mqtt.ca);
  const { connect } = await import("mqtt");
  const { protocol, hostname, port } = new URL(url);
  const client = connect({
    protocol: protocol === "mqtts:" ? "mqtts" : "mqtt",
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    ...(port === "" ? {} : { port: Number(port) }),
    clientId,
    clean: true,
    keepalive: keepAlive,
    connectTimeout: CONNECT_TIMEOUT,
    reconnectPeriod: 0,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(ca === undefined ? {} : { ca }),
  });
  boundPackets(client);
  return client;
}

/** Longest packet (bytes) that is taken: no notification is longer, and a broker may say it sends 256 MB. */
const LONGEST_PACKET = 2 * NOTIFICATION_LIMIT;

/** Ends a connection on which more comes than a packet may have, without an end of it: the library gathers it. */
function boundPackets(client: MqttClient): void {
  let gathered = 0;
  client.on("packetreceive", () => {
    gathered = 0;
  });
  client.stream.on("data", (piece: Buffer) => {
    gathered += piece.length;
    // Pieces that wait to be read into packets count too.
    if (gathered <= LONGEST_PACKET + MOST_WAITING) return;
    const reason = new Error(`the broker sends a packet of more than ${LONGEST_PACKET} bytes`);
    // The library says nothing of errors without a code.
    client.stream.destroy(Object.assign(reason, { code: "EMSGSIZE" }));
  });
}

/** Bytes of pieces that may have come and not been read into packets yet. */
const MOST_WAITING = 262_144;

async function readPassword(file: string): Promise<string> {
  const password = (await fs.readFile(file, "utf8")).replace(/\r?\n$/, "");
  // The file may just be being written.
  if (password === "") throw new Error(`${file} is empty`);
  return password;
}

/** The reason why a connection ended, once it has. */
export async function lossOf(client: MqttClient, signal: AbortSignal): Promise<unknown> {
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

/** Resolves once the broker has taken the connection. */
export async function connected(client: MqttClient): Promise<void> {
  await new Promise<void>((done) => client.once("connect", () => done()));
}
