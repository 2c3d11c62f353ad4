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
}

/** The time of this machine. */
export const CLOCK: Clock = {
  now: () => Date.now(),
  after: (milliseconds, work) => {
    const timer = setTimeout(work, milliseconds);
    return () => clearTimeout(timer);
  },
};
