import type { Config } from "../config/configSchema.ts";
import type { Log } from "../config/log.ts";
import type { Channels } from "./channels/channels.ts";
import type { Notifications } from "./channels/notifications.ts";
import type { Instructions } from "./instructions.ts";
import type { Role } from "./relayRole.ts";
import type { ResidentDir } from "./residentState.ts";
import type { Journal } from "./runHistory.ts";
import type { Clock, Scheduler } from "./scheduler.ts";

/** The parts of a resident agent. `instructions` and `channels` change with the configuration. */
export interface ResidentParts {
  instructions: Instructions;
  channels: Channels | undefined;
  dir: ResidentDir;
  level: Config["log"]["level"];
  log: Log;
  journal: Journal;
  role: Role;
  notifications: Notifications;
  scheduler: Scheduler;
  /** The domain that it is about to go by. */
  movingTo?: string | undefined;
  /** The trusted sets that were followed, or could not be. */
  sets: Instructions["sets"];
  /** When the last run is to begin that the server asked for though nothing is new. */
  wishedFor?: number | undefined;
}

/**
 * The configuration for whoever has to know this agent's own address, so that it is not its own source: its port is the one
 * that it listens at when it is looked at. Where another agent of the machine has the port that it should listen at, it
 * listens at none, and that other is a source as any.
 */
export function withOwnPort(config: Config, channels: () => Pick<Channels, "port"> | undefined): Config {
  const { listen } = config;
  if (listen.port === null) return config;
  const own = {
    ...listen,
    get port() {
      return channels()?.port ?? 0;
    },
  };
  return { ...config, listen: own };
}

/** The time of this machine. */
export const CLOCK: Clock = {
  now: () => Date.now(),
  after: (milliseconds, work) => {
    const timer = setTimeout(work, milliseconds);
    return () => clearTimeout(timer);
  },
};
