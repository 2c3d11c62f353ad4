import { explainError } from "../errors.ts";
import type { Log } from "../io/log.ts";
import { startListener } from "./listener.ts";
import { startMonitor } from "./monitor.ts";
import type { Notifications, Verdict } from "./notifications.ts";
import type { Orders } from "./orders.ts";
import { startReportSender } from "./reports.ts";
import type { ResidentDir } from "./residentState.ts";
import type { Role } from "./role.ts";
import type { Clock } from "./scheduler.ts";

/** How the resident agent is connected to the world, by one configuration: its port, the server, a broker. */
export interface Ears {
  /** The port at which it listens; null for none. */
  port: number | null;
  /** There may be a report to send. */
  look(): void;
  close(): Promise<void>;
}

export interface EarsOptions {
  orders: Pick<Orders, "config" | "agentId">;
  dir: ResidentDir;
  hear(text: string): Promise<Verdict>;
  notifications: Pick<Notifications, "known">;
  role: Pick<Role, "serve" | "watched">;
  clock: Clock;
  random(): number;
  log: Log;
}

/**
 * Opens all of them. One that cannot be opened is logged and left out: the schedule alone keeps an
 * agent current.
 */
export async function openEars(options: EarsOptions): Promise<Ears> {
  const listener = await orLogged(options.log, () => openListener(options));
  const monitor = await orLogged(options.log, () => openMonitor(options));
  const broker = await orLogged(options.log, () => openBroker(options));
  const server = await orLogged(options.log, () => connectServer(options));
  return {
    port: listener?.port ?? null,
    look: () => server?.look(),
    close: async () => {
      await Promise.all([listener?.close(), monitor?.close(), broker?.stop(), server?.close()]);
    },
  };
}

async function orLogged<Part>(log: Log, open: () => Promise<Part | undefined>): Promise<Part | undefined> {
  try {
    return await open();
  } catch (error) {
    log.error(explainError(error));
    return undefined;
  }
}

async function openListener({ orders, hear, role, clock, log }: EarsOptions) {
  const { listen, relay } = orders.config;
  const { host, port } = listen;
  if (port === null) return undefined;
  const { serve } = role;
  const listener = await startListener({ host, port, tls: relay.tls, hear, serve, now: clock.now, log });
  log.info(`listening at port ${listener.port}`);
  return listener;
}

async function openMonitor({ orders, role, log }: EarsOptions) {
  const { host, port } = orders.config.metrics;
  if (port === null) return undefined;
  const monitor = await startMonitor({ host, port, log, watched: role.watched });
  log.info(`/healthz and /metrics at port ${monitor.port}`);
  return monitor;
}

async function openBroker({ orders, hear, random, log }: EarsOptions) {
  const { config, agentId } = orders;
  const { mqtt } = config.notify;
  if (mqtt === undefined) return undefined;
  const { startBroker } = await import("./broker.ts");
  return await startBroker({ mqtt, agentId, hear, random, log });
}

/** Reports go to the server, and where it is asked for notifications, they come from it. */
async function connectServer({ orders, dir, hear, notifications, ...rest }: EarsOptions) {
  const { config, agentId } = orders;
  if (config.server === undefined) return undefined;
  const { createResolver, toLookup } = await import("../io/resolve.ts");
  const { createExchange } = await import("../io/exchange.ts");
  const { readAuthority } = await import("../io/authority.ts");
  const exchange = createExchange(toLookup(createResolver(config.dns)), await readAuthority(config));
  const home = `${config.server}/v1/agents/${encodeURIComponent(agentId)}`;
  const sender = startReportSender({ folder: dir.reports, url: `${home}/report`, exchange, ...rest });
  const { known } = notifications;
  const poll = config.notify.poll
    ? (await import("./longPoll.ts")).startLongPoll({
        url: `${home}/notifications`,
        exchange,
        hear,
        known,
        ...rest,
      })
    : undefined;
  return {
    look: sender.look,
    close: async () => {
      await Promise.all([sender.stop(), poll?.stop()]);
      exchange.close();
    },
  };
}
