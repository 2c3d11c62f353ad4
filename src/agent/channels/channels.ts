import type { Config, MqttConfig } from "../../config/configSchema.ts";
import type { Log } from "../../config/log.ts";
import type { AgentHealth } from "../../core/agentHealth.ts";
import type { Listener, ListenerOptions } from "../../http/server.ts";
import type { Instructions } from "../instructions.ts";
import { keepOpen, type Openable, type Opening, type OpeningOptions } from "../keepOpen.ts";
import { startMonitor } from "../monitor.ts";
import type { Role } from "../relayRole.ts";
import type { ResidentDir } from "../residentState.ts";
import { startReportSender } from "../runReports.ts";
import type { Clock } from "../scheduler.ts";
import type { Notifications, Verdict } from "./notifications.ts";
import { startListener } from "./notifyPort.ts";

/** The connections of the resident agent, by one configuration: its port, the server, a broker. */
export interface Channels {
  /** The port at which it listens now; null for none. */
  readonly port: number | null;
  /** The topic that it listens to at a broker now; null for none. */
  readonly topic: string | null;
  /** The reason why it listens at no port, where it should. */
  readonly portFailure: string | undefined;
  /** There may be a report to send. */
  look(): void;
  close(): Promise<void>;
}

export interface ChannelOptions {
  instructions: Pick<Instructions, "config" | "agentId">;
  dir: ResidentDir;
  receive(text: string): Promise<Verdict>;
  /** The server asks for a run though there is nothing new. */
  runNow(): void;
  notifications: Pick<Notifications, "known">;
  role: Pick<Role, "serve" | "watched">;
  /** The report for monitors. */
  describe(): Promise<AgentHealth>;
  /** Called with the domain that the server says this agent is in. */
  onDomain(domain: string): void;
  /** The port at which it listens is another one, or why there is none. */
  onPort(port: number | null, failure: string | undefined): void;
  clock: Clock;
  random(): number;
  log: Log;
}

/** Pauses between attempts to open a port, or to read the files needed to reach the server; ms. */
const OPEN_AGAIN = { first: 10_000, longest: 60_000 };
/** The same for a broker, which a whole fleet may have lost at once. */
const CONNECT_AGAIN = { first: 20_000, longest: 300_000 };

/**
 * Opens all of them, and resolves once each but the broker has been tried. One that cannot be opened is
 * logged and tried again: until it is there, the schedule alone keeps an agent current.
 */
export async function openChannels(options: ChannelOptions): Promise<Channels> {
  const { listen, metrics, notify, server } = options.instructions.config;
  const { mqtt } = notify;
  const keep = <Wanted, Part extends Openable>(
    wanted: Wanted | null | undefined,
    open: (wanted: Wanted, signal: AbortSignal) => Promise<Part>,
    rest: Partial<OpeningOptions> = {},
  ): Opening<Part> | undefined => {
    const all = { level: "error" as const, backOff: OPEN_AGAIN, ...options, ...rest };
    return wanted === null || wanted === undefined
      ? undefined
      : keepOpen((signal) => open(wanted, signal), all);
  };
  const port = () => listener?.part?.port ?? null;
  const onChange = () => options.onPort(port(), listener?.failure);
  const listener: Opening<Listener> | undefined = keep(
    listen.port,
    (wanted) => openListener(options, wanted),
    { onChange },
  );
  const monitor = keep(metrics.port, (wanted) => openMonitor(options, wanted));
  const home = keep(server, (url) => connectServer(options, url));
  const broker = keep(mqtt, (wanted, signal) => openBroker(options, wanted, signal), {
    level: "warn",
    backOff: CONNECT_AGAIN,
  });
  await Promise.all([listener?.tried, monitor?.tried, home?.tried]);
  return {
    get port() {
      return port();
    },
    get topic() {
      return broker?.part === undefined ? null : (mqtt?.topic ?? null);
    },
    get portFailure() {
      return listener?.failure;
    },
    look: () => home?.part?.look(),
    close: async () => {
      await Promise.all([listener, monitor, home, broker].map((each) => each?.close()));
    },
  };
}

/** The key of a port in the configuration, and the way out where another agent of this machine has it. */
function namedPort(key: "listen" | "metrics", { file }: Config, port: number): ListenerOptions["named"] {
  const other = JSON.stringify({ [key]: { port: port + 10 } });
  const meanwhile =
    key === "listen"
      ? "; until then, where the list leads there, whatever has it is asked like any other source"
      : "";
  const hint = `another program has it, perhaps another agent of this machine: set ${key}.port in ${file} to one of its own, such as ${other}${meanwhile}`;
  return { key: `${key}.port of ${file}`, hint };
}

async function openListener({ instructions, receive, role, clock, log }: ChannelOptions, port: number) {
  const { listen, relay } = instructions.config;
  const { host } = listen;
  const serve = () => role.serve();
  const named = namedPort("listen", instructions.config, port);
  const given = { host, port, tls: relay.tls, named };
  const listener = await startListener({ ...given, receive, serve, now: clock.now, log });
  log.info(`listening at port ${listener.port}`);
  return listener;
}

async function openMonitor({ instructions, role, describe, clock, log }: ChannelOptions, port: number) {
  const { host } = instructions.config.metrics;
  const watched = () => role.watched();
  const named = namedPort("metrics", instructions.config, port);
  const monitor = await startMonitor({ host, port, named, log, describe, watched, now: clock.now });
  log.info(`/healthz and /metrics at port ${monitor.port}`);
  return monitor;
}

async function openBroker(
  { instructions, receive, log }: ChannelOptions,
  mqtt: MqttConfig,
  signal: AbortSignal,
) {
  const { connectBroker } = await import("./mqtt.ts");
  return await connectBroker({ mqtt, agentId: instructions.agentId, receive, log }, signal);
}

/** Reports go to the server, and where it is asked for notifications, they come from it. */
async function connectServer(
  { instructions, dir, receive, notifications, onDomain, ...rest }: ChannelOptions,
  server: string,
) {
  const { config, agentId } = instructions;
  const { openOwnExchange } = await import("./openOwnExchange.ts");
  const { home, exchange } = await openOwnExchange(server, { config, agentId, onDomain, log: rest.log });
  const sender = startReportSender({ folder: dir.reports, url: `${home}/report`, exchange, ...rest });
  const known = () => notifications.known();
  const poll = config.notify.poll
    ? (await import("./longPoll.ts")).startLongPoll({
        url: `${home}/notifications`,
        exchange,
        receive,
        known,
        ...rest,
      })
    : undefined;
  return {
    look: () => sender.look(),
    close: async () => {
      await Promise.all([sender.stop(), poll?.stop()]);
      exchange.close();
      await exchange.settled();
    },
  };
}
