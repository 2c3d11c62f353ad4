import { spawn } from "node:child_process";

/** Messages to systemd about a service (sd_notify(3)). */
export type ServiceState = "READY=1" | "RELOADING=1" | "STOPPING=1" | "WATCHDOG=1";

/**
 * Notifies systemd, if it asked for that. Node has no datagram sockets of the UNIX family, so the
 * `systemd-notify` command sends the message, which is part of systemd; the unit has to allow that with
 * `NotifyAccess=all`. Resolves when it is sent, or could not be.
 *
 * @param status a line for `systemctl status`
 */
export async function tellServiceManager(state: ServiceState, status?: string): Promise<void> {
  if (!process.env.NOTIFY_SOCKET) return;
  const since = state === "RELOADING=1" ? [`MONOTONIC_USEC=${process.hrtime.bigint() / 1_000n}`] : [];
  const said = status === undefined ? [] : [`STATUS=${status}`];
  const child = spawn("systemd-notify", [`--pid=${process.pid}`, state, ...since, ...said], {
    stdio: "ignore",
  });
  await new Promise((done) => child.on("close", done).on("error", done));
}

/** Interval (ms) of the signs of life for systemd, half of its limit; undefined when it wants none. */
export function watchdogInterval(env: NodeJS.ProcessEnv): number | undefined {
  const limit = Number(env.WATCHDOG_USEC);
  if (!env.NOTIFY_SOCKET || !(limit > 0)) return undefined;
  return Math.max(Math.floor(limit / 2_000), 1_000);
}
